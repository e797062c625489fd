// JSON text as a read-only tree, strictly: what RFC 8259 leaves to the reader is an error here.
// Duplicate names (two readers could see two different bundles), NUL in a string (a path would end
// there for the kernel), malformed UTF-8, a byte order mark, anything after the document, and more
// than the limits below.
//
//   Diagnostics found("config.json");
//   std::optional<Document> document = Document::parse(text, found);  // empty: not readable at all
//   for (Value mount : document->root().find("mounts")) …
//
// The tree is two flat arrays: 24 bytes a value, and the characters of all strings. Values are
// views of their Document, which must outlive them. Reading is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"

namespace srt::oci {

inline constexpr size_t kMaxDocument = size_t{16} << 20;  // bytes
inline constexpr size_t kMaxNesting = 128;
// Bounds the tree at 48 MB, for a file that is all brackets. 100,000 mounts are well within it.
inline constexpr size_t kMaxValues = 2'000'000;

enum class Kind : uint32_t { kNull, kBool, kNegative, kUnsigned, kReal, kString, kArray, kObject };

class Value;

class Document {
 public:
  // Syntax errors and limits end the reading; duplicate names and NULs are reported, all of them,
  // and the tree is given back all the same, so that the caller can look for more.
  static std::optional<Document> parse(std::string_view text, Diagnostics& diagnostics);

  Value root() const;

 private:
  friend class Value;
  friend class TreeBuilder;

  struct Span {
    uint32_t at;
    uint32_t size;
  };
  struct Node {
    Span key;
    Kind kind;
    uint32_t end;  // index of the first node behind this one and its children
    union {
      bool boolean;
      int64_t negative;
      uint64_t natural;
      Span text;       // kString; kReal: as it was written
      uint64_t count;  // children of kArray and kObject
    };
  };

  std::string_view text(Span span) const {
    return std::string_view(characters_).substr(span.at, span.size);
  }

  std::vector<Node> nodes_;
  std::string characters_;  // reserved before the first use: never moves
};

class Value {
 public:
  // Whether there is a value: find() gives back none for a name that is not there.
  explicit operator bool() const { return document_ != nullptr; }
  Kind kind() const { return document_ != nullptr ? node().kind : Kind::kNull; }
  bool is_null() const { return kind() == Kind::kNull; }

  // Each for its own kind only.
  bool boolean() const { return node().boolean; }
  int64_t negative() const { return node().negative; }  // below zero
  uint64_t natural() const { return node().natural; }
  std::string_view text() const { return document_->text(node().text); }  // kReal: as written
  size_t size() const { return node().count; }                            // of kArray and kObject
  Value find(std::string_view key) const;

  // The children of an array or an object; key() is the name within the object.
  class Iterator {
   public:
    Value operator*() const { return Value(document_, index_); }
    Iterator& operator++() {
      index_ = document_->nodes_[index_].end;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    friend class Value;
    Iterator(const Document* document, uint32_t index) : document_(document), index_(index) {}
    const Document* document_;
    uint32_t index_;
  };
  Iterator begin() const { return Iterator(document_, is_container() ? index_ + 1 : 0); }
  Iterator end() const { return Iterator(document_, is_container() ? node().end : 0); }
  std::string_view key() const { return document_->text(node().key); }

  // As an error message shows it: `"tmp"`, `17`, `an object`.
  std::string shown() const;

 private:
  friend class Document;
  Value() = default;
  Value(const Document* document, uint32_t index) : document_(document), index_(index) {}
  const Document::Node& node() const { return document_->nodes_[index_]; }
  bool is_container() const { return kind() == Kind::kArray || kind() == Kind::kObject; }

  const Document* document_ = nullptr;
  uint32_t index_ = 0;
};

}  // namespace srt::oci
