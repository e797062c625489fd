// JSON tree → structs, by the property tables of oci/fields.h. What cannot be read is reported and
// left as it was, so that one pass finds every mistake of a file.
//
//   Reader reader(diagnostics);
//   Spec spec;
//   reader.read(Path(), document.root(), spec);
//
// In an open document unknown properties are stepped over, as the specification demands, and null for
// an optional property is as good as none, since Go programs write it. In a closed one (a policy, where
// a misspelled rule would silently not hold) both are errors.
//
// A class that is not an object in the document has its own
//   void read_value(Reader& reader, const Path& path, Value value, T& out);
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "oci/fields.h"
#include "oci/json.h"
#include "oci/names.h"

namespace srt::oci {

// Of any one array or map: mounts, environment, arguments, …
inline constexpr size_t kMaxEntries = 100'000;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsOptional<WithDefault<T>> = true;

enum class Openness { kOpen, kClosed };

class Reader;
template <class T>
concept ReadsItself = requires(Reader& reader, const Path& path, Value value, T& out) {
  read_value(reader, path, value, out);
};

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics, Openness openness = Openness::kOpen)
      : diagnostics_(diagnostics), openness_(openness) {}

  Diagnostics& diagnostics() { return diagnostics_; }

  void read(const Path& path, Value value, bool& out);
  void read(const Path& path, Value value, std::string& out);

  template <std::integral T>
  void read(const Path& path, Value value, T& out) {
    if constexpr (std::is_signed_v<T>) {
      out = static_cast<T>(
          integer(path, value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else {
      out = static_cast<T>(natural(path, value, std::numeric_limits<T>::max()));
    }
  }

  template <class E>
  requires std::is_enum_v<E>
  void read(const Path& path, Value value, E& out) {
    if (value.kind() != Kind::kString) return wanted(path, "a string", value);
    if (std::optional<E> known = from_name<E>(value.text())) {
      out = *known;
    } else if (!diagnostics_.full()) {  // the message is long to make
      diagnostics_.add(path, not_one_of(value.text(), kNames<E>.data(), kNames<E>.size()));
    }
  }

  template <class T>
  void read(const Path& path, Value value, DeviceLetter<T>& out) {
    constexpr NameTable<4> kLetters = {"c", "u", "b", "p"};
    if (value.kind() != Kind::kString) return wanted(path, "a string", value);
    out.device.unbuffered = value.text() == "u";
    const std::string_view letter = out.device.unbuffered ? "c" : value.text();
    if (std::optional<DeviceType> known = from_name<DeviceType>(letter)) {
      out.device.type = *known;
    } else {
      diagnostics_.add(path, not_one_of(letter, kLetters.data(), kLetters.size()));
    }
  }

  template <class T>
  void read(const Path& path, Value value, std::optional<T>& out) {
    if (counts(value)) read(path, value, out.emplace());
  }

  template <class T>
  void read(const Path& path, Value value, WithDefault<T>& out) {
    read(path, value, out.member);
  }

  template <class T>
  void read(const Path& path, Value value, std::vector<T>& out) {
    if (value.kind() != Kind::kArray) return wanted(path, "an array", value);
    if (!within_limit(path, value)) return;
    out.reserve(value.size());
    for (Value element : value) {
      // One that cannot be read stays in its place: later messages name the right index.
      const size_t index = out.size();
      read(path / index, element, out.emplace_back());
    }
  }

  template <class T>
  void read(const Path& path, Value value, std::map<std::string, T>& out) {
    if (value.kind() != Kind::kObject) return wanted(path, "an object", value);
    if (!within_limit(path, value)) return;
    for (Value entry : value) read(path / entry.key(), entry, out[std::string(entry.key())]);
  }

  template <ReadsItself T>
  void read(const Path& path, Value value, T& out) {
    read_value(*this, path, value, out);
  }

  template <class Object>
  requires(std::is_class_v<Object> && !ReadsItself<Object>) void read(const Path& path, Value value,
                                                                      Object& out) {
    if (value.kind() != Kind::kObject) return wanted(path, "an object", value);
    if (openness_ == Openness::kClosed) {
      std::vector<std::string_view> known;
      visit_fields(out, [&](std::string_view property, auto&) { known.push_back(property); });
      refuse_unknown(path, value, known);
    }
    visit_fields(out, [&](std::string_view property, auto& member) {
      const Value found = value.find(property);
      if (counts(found)) {
        read(path / property, found, member);
      } else if (!kIsOptional<std::remove_cvref_t<decltype(member)>>) {
        diagnostics_.add(path / property, found ? "is required, got null" : "is required");
      }
    });
  }

  void wanted(const Path& path, std::string_view what, Value found);

 private:
  bool counts(Value value) const {
    return !value.is_null() || (value && openness_ == Openness::kClosed);
  }
  void refuse_unknown(const Path& path, Value object, const std::vector<std::string_view>& known);
  bool within_limit(const Path& path, Value container);
  int64_t integer(const Path& path, Value value, int64_t min, int64_t max);
  uint64_t natural(const Path& path, Value value, uint64_t max);

  Diagnostics& diagnostics_;
  Openness openness_;
};

// A whole document as one object. Everything that is wrong with it, or the object.
template <class Object>
Checked<Object> read_document(std::string_view text, const std::string& file,
                              Openness openness = Openness::kOpen) {
  Diagnostics diagnostics(file);
  Object object;
  if (std::optional<Document> document = Document::parse(text, diagnostics)) {
    Reader(diagnostics, openness).read(Path(), document->root(), object);
  }
  if (!diagnostics.empty()) return tl::unexpected(std::move(diagnostics));
  return object;
}

}  // namespace srt::oci
