// SPDX-License-Identifier: Apache-2.0
#include "report/page.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/sha256.hpp"
#include "core/text.hpp"
#include "embedded_files.hpp"
#include "lookup/serving.hpp"
#include "report/sections.hpp"

namespace ditune::report {
namespace {

using Json = nlohmann::ordered_json;

std::string base64_of_hex(const std::string& hex) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  // Three hex digits are two of base64.
  for (std::size_t at = 0; at < hex.size(); at += 3) {
    std::string three = hex.substr(at, 3);
    three.resize(3, '0');
    const unsigned long bits = std::stoul(three, nullptr, 16);
    text += kDigits[bits >> 6];
    if (at + 1 < hex.size()) text += kDigits[bits & 63];
  }
  while (text.size() % 4 != 0) text += '=';
  return text;
}

// Only this style and this script: whatever else a page would hold is neither applied nor run, and nothing is fetched.
std::string policy(std::string_view style, std::string_view script) {
  return fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
      base64_of_hex(sha256(style)), base64_of_hex(sha256(script)));
}

std::string title_of(const Rows& rows) {
  return fmt::format("ditune: {} on {}",
                     rows.model.empty() ? text::counted(std::ssize(rows.layers), "operation") : rows.model,
                     rows.device.name);
}

Json layer_json(const LayerTime& time) {
  Json json = {
      {"linear", time.layer->name}, {"operation", format(time.layer->operation)}, {"calls", time.layer->calls}};
  json["match"] = format(time.found.match);
  if (!(time.us > 0)) return json;
  json["source"] = time.measured ? "measured" : "predicted";
  json["us"] = time.us;
  if (time.interval) json["low_us"] = time.interval->low, json["high_us"] = time.interval->high;
  json["config"] = format(time.found.config);
  return json;
}

Json step_json(const StepBenchmark& steps) {
  Json json = {{"model", steps.model}, {"gpu", steps.gpu}, {"baseline", steps.baseline}, {"routes", Json::array()}};
  for (const StepRoute& route : steps.routes) {
    Json& row = json["routes"].emplace_back(Json{{"name", route.name}});
    if (!route.reason.empty())
      row["reason"] = route.reason;
    else
      row["ms"] = route.ms, row["ratio"] = route.ratio, row["group"] = route.group;
  }
  return json;
}

// What other programs may read of the page.
std::string data_of(const Findings& findings) {
  Json json = {{"device", findings.rows.device.name},
               {"arch", format(findings.rows.device.arch)},
               {"regime", format(findings.rows.regime)},
               {"model", findings.rows.model},
               {"step_us", findings.total.us},
               {"predicted_us", findings.total.predicted_us},
               {"layers", Json::array()}};
  for (const LayerTime& time : findings.times) json["layers"].push_back(layer_json(time));
  for (const StepBenchmark& steps : findings.rows.steps) json["steps"].push_back(step_json(steps));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_head(Markup& html, const Rows& rows) {
  const std::string_view style = embedded_text(kEmbeddedFiles, "report.css");
  html.open("head").lone("meta", {{"charset", "utf-8"}});
  html.lone("meta", {{"http-equiv", "Content-Security-Policy"},
                     {"content", policy(style, embedded_text(kEmbeddedFiles, "report.js"))}});
  html.lone("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.lone("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  html.leaf("title", title_of(rows)).open("style").verbatim(style).close().close();
}

void add_navigation(Markup& html, const Findings& findings) {
  struct Link {
    const char *id, *text;
    bool is_there = true;
  };
  const std::array links{Link{"steps", "Whole step", !findings.rows.steps.empty()},
                         Link{"layers", "Layers"},
                         Link{"roofline", "Roofline"},
                         Link{"search", "Search"},
                         Link{"rows", "Every M"},
                         Link{"changes", "Against", findings.rows.against.has_value()},
                         Link{"devices", "Other GPUs", !other_devices(findings.rows).empty()},
                         Link{"provenance", "Provenance"}};
  html.open("nav", {{"aria-label", "Sections"}});
  for (const auto& [id, text, is_there] : links)
    if (is_there) html.leaf("a", {{"href", fmt::format("#{}", id)}}, text);
  html.close();
}

Findings find(const Rows& rows, const Library& library) {
  Findings findings{.rows = rows,
                    .library = library,
                    .times = layer_times(rows, library),
                    .total = {},
                    .limits = limits_of(device_of(rows.device), measured_clock_mhz(rows))};
  findings.total = total_of(findings.times);
  return findings;
}

}  // namespace

std::string page(const Rows& rows) {
  const Library library(rows.records);
  const Findings findings = find(rows, library);
  Markup html;
  html.verbatim("<!DOCTYPE html>\n").open("html", {{"lang", "en"}});
  add_head(html, rows);
  html.open("body").add(hatches()).open("header").leaf("h1", title_of(rows));
  add_navigation(html, findings);
  html.close().open("main");
  for (const auto add : {add_summary, add_steps, add_layers, add_roofline, add_searches, add_row_curves, add_changes,
                         add_other_devices, add_provenance})
    add(html, findings);
  html.close();
  html.open("script", {{"type", "application/json"}, {"id", "data"}})
      .verbatim(escape_script(data_of(findings)))
      .close();
  html.open("script").verbatim(embedded_text(kEmbeddedFiles, "report.js")).close();
  html.close().close();
  return html.str() + "\n";
}

}  // namespace ditune::report
