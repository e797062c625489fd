// How a value travels to another process of ours: a plan from the runtime to srt-init, or what a child that
// looked at a container's tree found. One description of each struct's fields, from which the encoder, the
// decoder and the printer follow.
//
//   template <class B>
//   struct Sysctl {
//     typename B::Text path, value;
//     template <class V, class Self>
//     static void fields(V& v, Self& s) { v("path", s.path); v("value", s.value); }
//   };
//   std::string bytes = encode(Sysctl<Owned>{…});       // who sends (encode.h)
//   Sysctl<Viewed> view; Reader(bytes).read(view);      // who takes: nothing is copied or allocated
//
// B says who owns the text: Owned in the runtime (std::string, std::vector), Viewed in srt-init
// (views into the mapped plan). Both ends come from one build, so there is no version in it; the
// bytes never come from anybody else. A reader that runs over the end sets failed() all the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace srt::wire {

template <class T>
class ListView;

struct Viewed {
  using Text = std::string_view;
  template <class T>
  using List = ListView<T>;
};

// Numbers are 8 bytes, little endian by the host; text is its length, its bytes and a NUL.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  void read(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      value = static_cast<T>(number());
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      value = take(number());
      take(1);  // the NUL, so that data() is a C string
    } else if constexpr (requires { typename T::Element; }) {
      uint64_t count = number();
      value = T(take(number()), count);
    } else {
      T::fields(*this, value);
    }
  }
  template <class T>
  void operator()(const char*, T& value) {
    read(value);
  }
  bool failed() const { return failed_; }

 private:
  uint64_t number() {
    std::string_view raw = take(sizeof(uint64_t));
    uint64_t n = 0;
    if (raw.size() == sizeof n) memcpy(&n, raw.data(), sizeof n);
    return n;
  }
  std::string_view take(uint64_t size) {
    if (size > bytes_.size()) {
      failed_ = true;
      return {};
    }
    std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }

  std::string_view bytes_;
  bool failed_ = false;
};

// A list that is decoded while it is walked: for (const Mount<Viewed> m : plan.mounts) …
template <class T>
class ListView {
 public:
  using Element = T;
  ListView() = default;
  ListView(std::string_view bytes, uint64_t count) : bytes_(bytes), count_(count) {}

  struct End {};
  class Iterator {
   public:
    Iterator(std::string_view bytes, uint64_t left) : reader_(bytes), left_(left) { next(); }
    const T& operator*() const { return value_; }
    Iterator& operator++() {
      --left_;
      next();
      return *this;
    }
    bool operator!=(End) const { return left_ > 0; }

   private:
    void next() {
      if (left_ == 0) return;
      value_ = T{};
      reader_.read(value_);
      if (reader_.failed()) left_ = 0;
    }
    Reader reader_;
    uint64_t left_;
    T value_{};
  };
  Iterator begin() const { return Iterator(bytes_, count_); }
  End end() const { return {}; }
  uint64_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  std::string_view bytes_;
  uint64_t count_ = 0;
};

}  // namespace srt::wire
