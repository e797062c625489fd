#include "platform/linux/intercept.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>

#include <string>

#include "platform/linux/netlink_message.h"

namespace srt::platform {
namespace {

// <linux/netfilter.h> and <netinet/in.h> exclude each other.
constexpr uint32_t kAccept = 1, kPreRouting = 0;

// One family each, so that a kernel without IPv6 still takes the other.
struct Family {
  uint8_t table;              // NFPROTO_IPV4 and _IPV6 are AF_INET and AF_INET6
  uint32_t destination_at;    // offset of the destination address in the network header
  std::string loopback;       // leading bytes of loopback destinations
  std::string proxy_address;  // where TPROXY leads
};

const Family& v4() {
  static const Family family{AF_INET, 16, "\x7f", std::string("\x7f\0\0\1", 4)};
  return family;
}
const Family& v6() {
  static const std::string one = std::string(15, '\0') + '\1';
  static const Family family{AF_INET6, 24, one, one};
  return family;
}

class RuleMessage {
 public:
  RuleMessage(const Family& family, uint32_t sequence)
      : message_(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
                 NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, nfgenmsg{family.table, NFNETLINK_V0, 0},
                 sequence) {
    message_.text(NFTA_RULE_TABLE, "srt");
    message_.text(NFTA_RULE_CHAIN, "egress");
  }

  // The rule is the conjunction of its expressions, worked off in order.
  template <class Expressions>
  std::string of(Expressions expressions) {
    message_.nested(NFTA_RULE_EXPRESSIONS, expressions);
    return message_.bytes();
  }

  void is_tcp() {
    expression("meta", [&] {
      message_.number(NFTA_META_DREG, htonl(NFT_REG_1));
      message_.number(NFTA_META_KEY, htonl(NFT_META_L4PROTO));
    });
    equals(std::string(1, IPPROTO_TCP));
  }
  void bytes_are(uint32_t base, uint32_t offset, const std::string& wanted) {
    expression("payload", [&] {
      message_.number(NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
      message_.number(NFTA_PAYLOAD_BASE, htonl(base));
      message_.number(NFTA_PAYLOAD_OFFSET, htonl(offset));
      message_.number(NFTA_PAYLOAD_LEN, htonl(static_cast<uint32_t>(wanted.size())));
    });
    equals(wanted);
  }
  // Goes on only where a socket of this namespace waits for the packet.
  void has_socket() {
    expression("socket", [&] {
      message_.number(NFTA_SOCKET_KEY, htonl(NFT_SOCKET_TRANSPARENT));
      message_.number(NFTA_SOCKET_DREG, htonl(NFT_REG_1));
    });
  }
  void tproxy(const Family& family) {
    immediate(NFT_REG_1, family.proxy_address);
    const uint16_t port = htons(kTransparentPort);
    immediate(NFT_REG_2, std::string(reinterpret_cast<const char*>(&port), sizeof port));
    expression("tproxy", [&] {
      message_.number(NFTA_TPROXY_FAMILY, htonl(family.table));
      message_.number(NFTA_TPROXY_REG_ADDR, htonl(NFT_REG_1));
      message_.number(NFTA_TPROXY_REG_PORT, htonl(NFT_REG_2));
    });
  }
  void accept() {
    expression("immediate", [&] {
      message_.number(NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
      message_.nested(NFTA_IMMEDIATE_DATA, [&] {
        message_.nested(NFTA_DATA_VERDICT,
                        [&] { message_.number(NFTA_VERDICT_CODE, htonl(kAccept)); });
      });
    });
  }

 private:
  template <class Options>
  void expression(std::string_view name, Options options) {
    message_.nested(NFTA_LIST_ELEM, [&] {
      message_.text(NFTA_EXPR_NAME, name);
      message_.nested(NFTA_EXPR_DATA, options);
    });
  }
  void value(uint16_t attribute, const std::string& bytes) {
    message_.nested(attribute,
                    [&] { message_.attribute(NFTA_DATA_VALUE, bytes.data(), bytes.size()); });
  }
  void equals(const std::string& wanted) {
    expression("cmp", [&] {
      message_.number(NFTA_CMP_SREG, htonl(NFT_REG_1));
      message_.number(NFTA_CMP_OP, htonl(NFT_CMP_EQ));
      value(NFTA_CMP_DATA, wanted);
    });
  }
  void immediate(uint32_t reg, const std::string& bytes) {
    expression("immediate", [&] {
      message_.number(NFTA_IMMEDIATE_DREG, htonl(reg));
      value(NFTA_IMMEDIATE_DATA, bytes);
    });
  }

  NetlinkMessage message_;
};

std::string new_table(const Family& family, uint32_t sequence) {
  NetlinkMessage table(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK,
                       nfgenmsg{family.table, NFNETLINK_V0, 0}, sequence);
  table.text(NFTA_TABLE_NAME, "srt");
  return table.bytes();
}

std::string new_chain(const Family& family, uint32_t sequence) {
  constexpr int32_t kMangle = -150;  // where TPROXY belongs: after connection tracking, before NAT
  NetlinkMessage chain(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK,
                       nfgenmsg{family.table, NFNETLINK_V0, 0}, sequence);
  chain.text(NFTA_CHAIN_TABLE, "srt");
  chain.text(NFTA_CHAIN_NAME, "egress");
  chain.nested(NFTA_CHAIN_HOOK, [&] {
    chain.number(NFTA_HOOK_HOOKNUM, htonl(kPreRouting));
    chain.number(NFTA_HOOK_PRIORITY, htonl(static_cast<uint32_t>(kMangle)));
  });
  chain.text(NFTA_CHAIN_TYPE, "filter");
  return chain.bytes();
}

}  // namespace

// table srt { chain egress { type filter hook prerouting priority mangle
//   tcp dport 53 accept                                   # our DNS listener has every address
//   tcp, to loopback, a socket listens there: accept      # what runs inside keeps its ports
//   tcp: tproxy to 127.0.0.1:3129 } }
std::string intercept_batch(int of_family) {
  const Family& family = of_family == AF_INET6 ? v6() : v4();
  const nfgenmsg bracket{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
  std::string batch = NetlinkMessage(NFNL_MSG_BATCH_BEGIN, 0, bracket).bytes();
  uint32_t sequence = 2;
  batch += new_table(family, sequence++);
  batch += new_chain(family, sequence++);
  RuleMessage dns(family, sequence++);
  batch += dns.of([&] {
    dns.is_tcp();
    dns.bytes_are(NFT_PAYLOAD_TRANSPORT_HEADER, 2, std::string("\0\x35", 2));
    dns.accept();
  });
  RuleMessage loopback(family, sequence++);
  batch += loopback.of([&] {
    loopback.is_tcp();
    loopback.bytes_are(NFT_PAYLOAD_NETWORK_HEADER, family.destination_at, family.loopback);
    loopback.has_socket();
    loopback.accept();
  });
  RuleMessage all(family, sequence++);
  batch += all.of([&] {
    all.is_tcp();
    all.tproxy(family);
  });
  return batch + NetlinkMessage(NFNL_MSG_BATCH_END, 0, bracket).bytes();
}

}  // namespace srt::platform
