// SPDX-License-Identifier: Apache-2.0
// A hash map that only grows: what is in it stays where it is, and finding it takes no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace ditune {

// Any number of threads may find and insert at once. Finding allocates nothing and never waits; a value is not changed
// once it is there. `buckets` is fixed: with many more entries than that finding gets slower, not wrong.
template <class Key, class Value, class Hash>
class AppendOnlyMap {
 public:
  explicit AppendOnlyMap(std::size_t buckets) : buckets_(buckets) {}
  AppendOnlyMap(const AppendOnlyMap&) = delete;
  AppendOnlyMap& operator=(const AppendOnlyMap&) = delete;
  ~AppendOnlyMap() {
    for (const Bucket& bucket : buckets_)
      for (const Node* node = bucket.load(std::memory_order_acquire); node;) delete std::exchange(node, node->next);
  }

  // Null if it is not there. A key of another type hashes as the same Key does and is compared with it by ==.
  template <class Question>
  const Value* find(const Question& key) const noexcept {
    return find_from(buckets_[index(key)].load(std::memory_order_acquire), nullptr, key);
  }

  // What the map then has for the key, and whether that is `value`: whoever is first wins.
  std::pair<const Value*, bool> insert(const Key& key, Value value) {
    Bucket& bucket = buckets_[index(key)];
    auto node = std::make_unique<Node>(Node{key, std::move(value), bucket.load(std::memory_order_acquire)});
    for (const Node* searched = nullptr;;) {
      if (const Value* found = find_from(node->next, searched, key)) return {found, false};
      searched = node->next;
      if (bucket.compare_exchange_weak(node->next, node.get(), std::memory_order_acq_rel, std::memory_order_acquire))
        return {&node.release()->value, true};
    }
  }

 private:
  struct Node {
    Key key;
    Value value;
    const Node* next;
  };
  using Bucket = std::atomic<const Node*>;

  template <class Question>
  std::size_t index(const Question& key) const noexcept {
    return Hash{}(key) % buckets_.size();
  }

  // From `node` on, up to `end`.
  template <class Question>
  static const Value* find_from(const Node* node, const Node* end, const Question& key) noexcept {
    for (; node != end; node = node->next)
      if (node->key == key) return &node->value;
    return nullptr;
  }

  std::vector<Bucket> buckets_;
};

}  // namespace ditune
