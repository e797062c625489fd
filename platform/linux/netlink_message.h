// One netlink message under construction: header, fixed body, attributes (netlink(7)).
//
//   NetlinkMessage route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, rtmsg{…});
//   route.number(RTA_OIF, uint32_t{1});
//   send(socket, route.bytes().data(), route.bytes().size(), 0);
//
// A value; no I/O. Numbers go in as they are: nf_tables wants most of its own in network order.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace srt::platform {

class NetlinkMessage {
 public:
  template <class Body>
  NetlinkMessage(uint16_t type, uint16_t flags, const Body& body, uint32_t sequence = 1) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    header.nlmsg_seq = sequence;
    append(&header, sizeof header);
    append(&body, sizeof body);
  }

  void attribute(uint16_t type, const void* value, size_t size) {
    const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + size), type};
    append(&header, sizeof header);
    append(value, size);
  }
  void text(uint16_t type, std::string_view value) {  // with its NUL
    std::string ended(value);
    attribute(type, ended.c_str(), ended.size() + 1);
  }
  template <class Number>
  void number(uint16_t type, Number value) {
    attribute(type, &value, sizeof value);
  }
  // What `inside` adds becomes the content of one attribute.
  template <class Inside>
  void nested(uint16_t type, Inside inside) {
    const size_t at = bytes_.size();
    const nlattr header{0, static_cast<uint16_t>(type | NLA_F_NESTED)};
    append(&header, sizeof header);
    inside();
    const auto size = static_cast<uint16_t>(bytes_.size() - at);
    memcpy(bytes_.data() + at, &size, sizeof size);  // nla_len comes first
  }

  const std::string& bytes() {
    const auto size = static_cast<uint32_t>(bytes_.size());
    memcpy(bytes_.data(), &size, sizeof size);  // nlmsg_len comes first
    return bytes_;
  }

 private:
  void append(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()), '\0');
  }
  std::string bytes_;
};

}  // namespace srt::platform
