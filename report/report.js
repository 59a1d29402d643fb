// SPDX-License-Identifier: Apache-2.0
// What a page can do beyond being read: sort and filter tables, choose one of several pictures. Without it all is there.
"use strict";
(() => {
  const kFiltered = 12; // rows from which a table can be filtered
  const kPrinted = 60; // rows up to which a folded table is printed

  const textOf = (row, column) => row.cells[column].textContent;

  // As numbers where the column has them; what is empty goes last in either order.
  function compare(a, b, isNumber) {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
    return isNumber ? parseFloat(a.replaceAll(",", "")) - parseFloat(b.replaceAll(",", "")) : a.localeCompare(b, "en", { numeric: true });
  }

  function sort(table, header) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const column = header.cellIndex, isNumber = header.classList.contains("number");
    const rows = [...table.tBodies[0].rows].map((row) => [textOf(row, column), row]);
    rows.sort(([a], [b]) => {
      const order = compare(a, b, isNumber);
      return descending && a !== "" && b !== "" ? -order : order;
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  function addFilter(table) {
    const label = document.createElement("label"), input = document.createElement("input");
    label.className = "filter";
    input.type = "search";
    label.append("Show rows with ", input);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    table.parentElement.before(label);
  }

  function addChoice(choices) {
    const all = [...choices.children];
    if (all.length < 2) return;
    const label = document.createElement("label"), select = document.createElement("select");
    label.className = "choose";
    for (const choice of all) select.append(new Option(choice.dataset.name));
    const show = () => all.forEach((choice, i) => (choice.hidden = i !== select.selectedIndex));
    select.addEventListener("change", show);
    label.append("Dimensions of the map: ", select);
    choices.before(label);
    show();
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.tHead.rows[0].cells)
      header.firstElementChild.addEventListener("click", () => sort(table, header));
    if (table.tBodies[0].rows.length >= kFiltered) addFilter(table);
  }
  document.querySelectorAll(".choices").forEach(addChoice);

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((d) => d.querySelectorAll("tbody tr").length <= kPrinted);
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
