// Structs → JSON text, by the property tables of oci/fields.h.
//
//   JsonWriter writer(Layout::kPretty);
//   write(writer, spec);
//   std::string text = std::move(writer).take();
//
// Text that is not UTF-8 (a path may be anything) is written with U+FFFD for what is malformed:
// the result is always JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "oci/fields.h"
#include "oci/names.h"

namespace srt::oci {

enum class Layout {
  kCompact,  // one line, no spaces, no newline at the end
  kPretty    // two spaces a level, a newline at the end
};

class JsonWriter {
 public:
  explicit JsonWriter(Layout layout) : layout_(layout) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);  // before each value of an object

  void value(bool boolean);
  void value(int64_t number);
  void value(uint64_t number);
  void value(std::string_view text);
  void null();

  std::string take() &&;

 private:
  void begin(char bracket);
  void end(char bracket);
  void next();  // comma and indentation before a value or a key
  void line();
  void append(std::string_view text);

  Layout layout_;
  std::string out_;
  size_t depth_ = 0;
  bool first_ = true;  // in this array or object
  bool after_key_ = false;
};

template <std::integral T>
void write(JsonWriter& writer, const T& number) {
  if constexpr (std::same_as<T, bool>) {
    writer.value(number);
  } else if constexpr (std::is_signed_v<T>) {
    writer.value(static_cast<int64_t>(number));
  } else {
    writer.value(static_cast<uint64_t>(number));
  }
}

inline void write(JsonWriter& writer, const std::string& text) { writer.value(text); }

template <class E>
requires std::is_enum_v<E>
void write(JsonWriter& writer, const E& value) { writer.value(name(value)); }

template <class T>
void write(JsonWriter& writer, const DeviceLetter<T>& letter) {
  writer.value(letter.device.unbuffered ? "u" : name(letter.device.type));
}

template <class Object>
requires std::is_class_v<Object>
void write(JsonWriter& writer, const Object& object);

template <class T>
void write(JsonWriter& writer, const WithDefault<T>& property) {
  write(writer, property.member);
}

template <class T>
void write(JsonWriter& writer, const std::vector<T>& list) {
  writer.begin_array();
  for (const T& element : list) write(writer, element);
  writer.end_array();
}

template <class T>
void write(JsonWriter& writer, const std::map<std::string, T>& map) {
  writer.begin_object();
  for (const auto& [key, element] : map) {
    writer.key(key);
    write(writer, element);
  }
  writer.end_object();
}

// Of a member that is there: absent ones are left out by their object.
template <class T>
void write(JsonWriter& writer, const std::optional<T>& value) {
  write(writer, *value);
}

template <class T>
constexpr bool is_present(const T&) {
  return true;
}
template <class T>
bool is_present(const std::optional<T>& member) {
  return member.has_value();
}

template <class Object>
requires std::is_class_v<Object>
void write(JsonWriter& writer, const Object& object) {
  writer.begin_object();
  visit_fields(object, [&](std::string_view property, const auto& member) {
    if (!is_present(member)) return;
    writer.key(property);
    write(writer, member);
  });
  writer.end_object();
}

template <class Object>
std::string write_document(const Object& object, Layout layout) {
  JsonWriter writer(layout);
  write(writer, object);
  return std::move(writer).take();
}

}  // namespace srt::oci
