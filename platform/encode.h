// The sender's half of wire.h: values that own their text, and their bytes.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "platform/wire.h"

namespace srt::wire {

struct Owned {
  using Text = std::string;
  template <class T>
  using List = std::vector<T>;
};

class Writer {
 public:
  template <class T>
  void write(const T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      number(static_cast<uint64_t>(value));
    } else if constexpr (std::is_same_v<T, std::string>) {
      number(value.size());
      bytes_ += value;
      bytes_ += '\0';
    } else if constexpr (requires { typename T::value_type; }) {
      Writer inner;
      for (const auto& element : value) inner.write(element);
      number(value.size());
      number(inner.bytes_.size());
      bytes_ += inner.bytes_;
    } else {
      T::fields(*this, value);
    }
  }
  template <class T>
  void operator()(const char*, const T& value) {
    write(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  void number(uint64_t n) { bytes_.append(reinterpret_cast<const char*>(&n), sizeof n); }
  std::string bytes_;
};

template <class T>
std::string encode(const T& value) {
  Writer writer;
  writer.write(value);
  return writer.take();
}

}  // namespace srt::wire
