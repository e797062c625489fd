#include "oci/json.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace srt::oci {
namespace {

constexpr size_t kMaxShown = 200;  // of nlohmann's message, which quotes the last token in full

// Of the last of the first `read` characters.
std::string position(std::string_view text, size_t read) {
  const std::string_view before = text.substr(0, std::clamp<size_t>(read, 1, text.size() + 1) - 1);
  const size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …" without what
// we say ourselves.
std::string_view without_preamble(std::string_view message) {
  if (size_t bracket = message.find("] "); bracket != std::string_view::npos) {
    message.remove_prefix(bracket + 2);
  }
  if (message.starts_with("parse error")) {
    if (size_t colon = message.find(": "); colon != std::string_view::npos) {
      message.remove_prefix(colon + 2);
    }
  }
  return message;
}

// A way out of the mistakes that people make who know JavaScript; `read` ends with what cannot stand there.
std::string_view mend_of(std::string_view read) {
  if (read.empty()) return {};
  switch (read.back()) {
    case '/':
    case '#': return " (JSON has no comments)";
    case '\'': return " (texts and keys stand in double quotes)";
    case ']':
    case '}': {
      read.remove_suffix(1);
      const size_t before = read.find_last_not_of(" \t\r\n");
      const bool comma = before != std::string_view::npos && read[before] == ',';
      return comma ? " (no comma stands in front of it)" : std::string_view();
    }
    default: return {};
  }
}

}  // namespace

// Receives nlohmann's SAX events. A function that returns false ends the reading.
class TreeBuilder {
 public:
  using Json = nlohmann::json;

  TreeBuilder(std::string_view source, Document& document, Diagnostics& diagnostics)
      : source_(source), document_(document), diagnostics_(diagnostics) {
    // A string is never longer than its source ("\u0041" is one byte), so views of it stay valid.
    document_.characters_.reserve(source.size());
    document_.nodes_.reserve(std::min(source.size() / 16 + 16, kMaxValues));
  }

  bool null() { return add(Kind::kNull) != nullptr; }
  bool boolean(bool value) { return set(add(Kind::kBool), &Document::Node::boolean, value); }
  bool number_integer(Json::number_integer_t value) {
    if (value >= 0) return number_unsigned(static_cast<uint64_t>(value));  // "-0"
    return set(add(Kind::kNegative), &Document::Node::negative, value);
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    return set(add(Kind::kUnsigned), &Document::Node::natural, value);
  }
  bool number_float(Json::number_float_t, const Json::string_t& written) {
    return set(add(Kind::kReal), &Document::Node::text, keep(written));
  }
  bool string(Json::string_t& text) {
    if (!set(add(Kind::kString), &Document::Node::text, keep(text))) return false;
    // memchr is cheaper than a second look at every character: most strings have none.
    if (text.find('\0') != std::string::npos) {
      report(last_index(), "must not contain NUL, got " + in_quotes(text));
    }
    return true;
  }
  bool binary(Json::binary_t&) { return false; }  // JSON text has none

  bool start_object(size_t) { return open(Kind::kObject); }
  bool key(Json::string_t& text) {
    key_ = keep(text);
    if (text.find('\0') != std::string::npos) {
      report(open_.back(), "has a property name that contains NUL: " + in_quotes(text));
    }
    return true;
  }
  bool end_object() {
    check_duplicates(open_.back());
    return close();
  }
  bool start_array(size_t) { return open(Kind::kArray); }
  bool end_array() { return close(); }

  bool parse_error(size_t read, const std::string&, const nlohmann::detail::exception& error) {
    const std::string_view why = without_preamble(error.what());
    diagnostics_.add(std::string(), position(source_, read) + ": " + printable(why, kMaxShown) +
                                        std::string(mend_of(source_.substr(0, read))));
    return false;
  }

 private:
  using Node = Document::Node;

  uint32_t last_index() const { return static_cast<uint32_t>(document_.nodes_.size() - 1); }

  Document::Span keep(std::string_view text) {
    std::string& all = document_.characters_;
    const Document::Span span{static_cast<uint32_t>(all.size()),
                              static_cast<uint32_t>(text.size())};
    all += text;
    return span;
  }

  // Null where the limit is reached.
  Node* add(Kind kind) {
    std::vector<Node>& nodes = document_.nodes_;
    if (nodes.size() == kMaxValues) {
      diagnostics_.add(std::string(), "holds more than " + std::to_string(kMaxValues) + " values");
      return nullptr;
    }
    if (!open_.empty()) ++nodes[open_.back()].count;
    Node node{};
    node.key = std::exchange(key_, {});
    node.kind = kind;
    node.end = static_cast<uint32_t>(nodes.size() + 1);
    return &nodes.emplace_back(node);
  }

  template <class T>
  bool set(Node* node, T Node::*member, T value) {
    if (node != nullptr) node->*member = value;
    return node != nullptr;
  }

  bool open(Kind kind) {
    if (open_.size() == kMaxNesting) {
      diagnostics_.add(std::string(),
                       "nests deeper than " + std::to_string(kMaxNesting) + " arrays and objects");
      return false;
    }
    Node* node = add(kind);
    if (!set(node, &Node::count, uint64_t{0})) return false;
    open_.push_back(last_index());
    return true;
  }

  bool close() {
    document_.nodes_[open_.back()].end = static_cast<uint32_t>(document_.nodes_.size());
    open_.pop_back();
    return true;
  }

  // Sorting keeps an object of a million names from taking a million squared comparisons.
  void check_duplicates(uint32_t object) {
    const std::vector<Node>& nodes = document_.nodes_;
    if (nodes[object].count < 2) return;
    keys_.clear();
    for (uint32_t i = object + 1; i < nodes.size(); i = nodes[i].end) {
      keys_.push_back({document_.text(nodes[i].key), i});
    }
    if (keys_.size() <= 8) {
      for (size_t i = 1; i < keys_.size(); ++i) {
        const auto same = [&](const Named& other) { return other.key == keys_[i].key; };
        if (std::any_of(keys_.begin(), keys_.begin() + static_cast<ptrdiff_t>(i), same)) {
          report(keys_[i].index, "is there twice");
        }
      }
      return;
    }
    std::sort(keys_.begin(), keys_.end());
    for (size_t i = 1; i < keys_.size(); ++i) {
      if (keys_[i].key == keys_[i - 1].key) report(keys_[i].index, "is there twice");
    }
  }

  // Where a node is. Only for problems that are kept, since it walks the tree down to the node.
  void report(uint32_t index, const std::string& text) {
    if (!diagnostics_.full()) report_below(Path(), 0, 0, index, text);
  }

  void report_below(const Path& path, size_t depth, uint32_t at, uint32_t index,
                    const std::string& text) {
    const std::vector<Node>& nodes = document_.nodes_;
    if (at == index) return diagnostics_.add(path, text);
    // Of what is still open, `end` is not known yet; only the last child can be open.
    const uint32_t open = depth + 1 < open_.size() ? open_[depth + 1] : 0;
    size_t position = 0;
    uint32_t child = at + 1;
    for (; nodes[child].end <= index && child != open; child = nodes[child].end) ++position;
    if (nodes[at].kind == Kind::kObject) {
      report_below(path / document_.text(nodes[child].key), depth + 1, child, index, text);
    } else {
      report_below(path / position, depth + 1, child, index, text);
    }
  }

  struct Named {
    std::string_view key;
    uint32_t index;
    bool operator<(const Named& other) const {
      return key != other.key ? key < other.key : index < other.index;
    }
  };

  std::string_view source_;
  Document& document_;
  Diagnostics& diagnostics_;
  Document::Span key_{};
  std::vector<uint32_t> open_;  // the arrays and objects around the next value
  std::vector<Named> keys_;
};

std::optional<Document> Document::parse(std::string_view text, Diagnostics& diagnostics) {
  const auto refuse = [&](std::string why) {
    diagnostics.add(std::string(), std::move(why));
    return std::nullopt;
  };
  if (text.size() > kMaxDocument) {
    return refuse("must be at most " + std::to_string(kMaxDocument) + " bytes, got " +
                  std::to_string(text.size()));
  }
  // The lexer takes NUL for the end of the text, and steps over a byte order mark.
  if (size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return refuse(position(text, nul + 1) + ": a NUL byte");
  }
  if (text.starts_with("\xef\xbb\xbf"))
    return refuse("must not start with a byte order mark: save it as UTF-8 without");

  Document document;
  TreeBuilder builder(text, document, diagnostics);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return std::nullopt;
  return document;
}

Value Document::root() const { return Value(this, 0); }

Value Value::find(std::string_view key) const {
  if (kind() != Kind::kObject) return {};
  for (Value child : *this) {
    if (child.key() == key) return child;
  }
  return {};
}

std::string Value::shown() const {
  switch (kind()) {
    case Kind::kNull: return "null";
    case Kind::kBool: return boolean() ? "true" : "false";
    case Kind::kNegative: return std::to_string(negative());
    case Kind::kUnsigned: return std::to_string(natural());
    case Kind::kReal: return printable(text());
    case Kind::kString: return in_quotes(text());
    case Kind::kArray: return "an array";
    case Kind::kObject: return "an object";
  }
  return {};
}

}  // namespace srt::oci
