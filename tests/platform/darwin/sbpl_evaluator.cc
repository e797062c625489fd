#include "tests/platform/darwin/sbpl_evaluator.h"

#include <regex.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "tests/platform/darwin/sbpl_reader.h"

namespace srt::test {
namespace {

// A name here is one that sandbox-exec of any macOS since 11 reads.
constexpr std::string_view kOperations[] = {"default",
                                            "appleevent-send",
                                            "distributed-notification-post",
                                            "file*",
                                            "file-ioctl",
                                            "file-link",
                                            "file-read*",
                                            "file-read-data",
                                            "file-read-metadata",
                                            "file-read-xattr",
                                            "file-write*",
                                            "file-write-create",
                                            "file-write-data",
                                            "file-write-flags",
                                            "file-write-mode",
                                            "file-write-owner",
                                            "file-write-setugid",
                                            "file-write-times",
                                            "file-write-unlink",
                                            "file-write-xattr",
                                            "iokit-get-properties",
                                            "iokit-open",
                                            "ipc-posix-sem",
                                            "ipc-posix-shm",
                                            "lsopen",
                                            "mach-lookup",
                                            "mach-priv-task-port",
                                            "network*",
                                            "network-bind",
                                            "network-inbound",
                                            "network-outbound",
                                            "process-exec",
                                            "process-fork",
                                            "process-info*",
                                            "process-info-pidinfo",
                                            "pseudo-tty",
                                            "signal",
                                            "sysctl-read",
                                            "sysctl-write",
                                            "system-socket",
                                            "user-preference-read"};

bool is_known_operation(std::string_view name) {
  return std::find(std::begin(kOperations), std::end(kOperations), name) != std::end(kOperations);
}

using Test = std::function<bool(const SbplRequest&)>;

bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::shared_ptr<regex_t> compile(const std::string& text) {
  auto compiled = std::make_unique<regex_t>();
  if (regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return nullptr;
  return {compiled.release(), [](regex_t* regex) {
            regfree(regex);
            delete regex;
          }};
}

// "localhost" is 127.0.0.1 and ::1, but not ::ffff:127.0.0.1.
bool is_localhost(std::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

struct FilterReader {
  using Get = std::string SbplRequest::*;

  static tl::unexpected<Error> bad(const SbplForm& form, const char* why) {
    const std::string name = form.items.empty() ? "()" : "(" + form.items.front().text + " …)";
    return fail(name, why);
  }

  static Result<Test> read(const SbplForm& form) {
    if (form.kind != SbplForm::Kind::kList || form.items.empty()) return bad(form, "is no filter");
    const std::string& word = form.items.front().text;
    if (word == "require-all" || word == "require-any" || word == "require-not") {
      return combination(form);
    }
    if (word == "remote" || word == "local") return endpoint(form);
    if (word == "literal" || word == "path-literal") return text(form, &SbplRequest::path, equal);
    if (word == "subpath" || word == "path-subpath")
      return text(form, &SbplRequest::path, is_within);
    if (word == "prefix" || word == "path-prefix") return text(form, &SbplRequest::path, begins);
    if (word == "regex" || word == "path-regex") return regex(form);
    if (word == "vnode-type") return text(form, &SbplRequest::vnode_type, equal);
    if (word == "socket-domain") return text(form, &SbplRequest::socket_domain, equal);
    if (word == "socket-protocol") return text(form, &SbplRequest::socket_protocol, equal);
    if (word == "target") {
      return Test([](const SbplRequest& request) { return request.same_sandbox; });
    }
    if (word == "global-name" || word == "sysctl-name" || word == "iokit-registry-entry-class" ||
        word == "iokit-user-client-class") {
      return text(form, &SbplRequest::name, equal);
    }
    if (word == "global-name-prefix" || word == "sysctl-name-prefix") {
      return text(form, &SbplRequest::name, begins);
    }
    return bad(form, "is not known");
  }

 private:
  static bool equal(std::string_view value, std::string_view wanted) { return value == wanted; }
  static bool begins(std::string_view value, std::string_view wanted) {
    return value.starts_with(wanted);
  }

  static Result<Test> text(const SbplForm& form, Get get,
                           bool (*matches)(std::string_view, std::string_view)) {
    if (form.items.size() < 2) return bad(form, "wants a value");
    std::vector<std::string> wanted;
    for (size_t i = 1; i < form.items.size(); ++i) {
      if (form.items[i].kind == SbplForm::Kind::kList) return bad(form, "wants a value");
      wanted.push_back(form.items[i].text);
    }
    return Test([=](const SbplRequest& request) {
      const std::string& value = request.*get;
      return !value.empty() &&
             std::any_of(wanted.begin(), wanted.end(),
                         [&](const std::string& one) { return matches(value, one); });
    });
  }

  static Result<Test> regex(const SbplForm& form) {
    if (form.items.size() != 2 || form.items[1].kind != SbplForm::Kind::kString) {
      return bad(form, "wants a string");
    }
    const std::string& text = form.items[1].text;
    if (text.find('\0') != text.npos) return bad(form, "holds a NUL");
    const std::shared_ptr<regex_t> compiled = compile(text);
    if (!compiled) return bad(form, "is no regular expression");
    return Test([compiled](const SbplRequest& request) {
      return !request.path.empty() &&
             regexec(compiled.get(), request.path.c_str(), 0, nullptr, 0) == 0;
    });
  }

  static Result<Test> combination(const SbplForm& form) {
    const std::string& word = form.items.front().text;
    std::vector<Test> parts;
    for (size_t i = 1; i < form.items.size(); ++i) {
      SRT_ASSIGN(Test part, read(form.items[i]));
      parts.push_back(std::move(part));
    }
    if (parts.empty() || (word == "require-not" && parts.size() != 1)) {
      return bad(form, "wants filters");
    }
    return Test([word, parts = std::move(parts)](const SbplRequest& request) {
      const auto holds = [&](const Test& part) { return part(request); };
      if (word == "require-all") return std::all_of(parts.begin(), parts.end(), holds);
      if (word == "require-any") return std::any_of(parts.begin(), parts.end(), holds);
      return !parts.front()(request);
    });
  }

  static Result<Test> endpoint(const SbplForm& form) {
    const bool remote = form.items.front().text == "remote";
    if (form.items.size() != 3) return bad(form, "wants a kind and a value");
    if (form.items[1].is_symbol("unix-socket")) {
      SRT_ASSIGN(Test path, read(form.items[2]));
      return Test([path = std::move(path)](const SbplRequest& request) {
        if (request.unix_socket.empty()) return false;
        SbplRequest of_file = request;
        of_file.path = request.unix_socket;
        of_file.vnode_type = "SOCKET";
        return path(of_file);
      });
    }
    if (!form.items[1].is_symbol("ip") && !form.items[1].is_symbol("tcp")) {
      return bad(form, "is of no known kind");
    }
    const std::string wanted = form.items[2].text;
    const size_t colon = wanted.rfind(':');
    const std::string host = wanted.substr(0, colon), port = wanted.substr(colon + 1);
    if (colon == wanted.npos || (host != "*" && host != "localhost")) {
      return bad(form, "may only be of * or localhost");
    }
    return Test([=](const SbplRequest& request) {
      // Before it is bound, a socket's own address is any: that is localhost, too.
      const std::string& end = remote ? request.remote : request.local;
      if (!remote && end.empty() && !request.remote.empty()) return true;
      const size_t at = end.rfind(':');
      if (at == end.npos) return false;
      return (host == "*" || is_localhost(end.substr(0, at))) &&
             (port == "*" || end.substr(at + 1) == port);
    });
  }
};

struct Rule {
  bool allows = false;
  std::vector<std::string> operations;
  std::vector<Test> filters;

  // How narrow the operation is that the rule names: 0 where it does not match.
  size_t match(const SbplRequest& request) const {
    size_t narrowest = 0;
    for (const std::string& operation : operations) {
      if (operation == "default") {
        narrowest = std::max<size_t>(narrowest, 1);
      } else if (operation == request.operation) {
        narrowest = std::max(narrowest, operation.size() + 2);
      } else if (operation.ends_with('*') &&
                 request.operation.starts_with(operation.substr(0, operation.size() - 1))) {
        narrowest = std::max(narrowest, operation.size());
      }
    }
    const bool holds =
        filters.empty() || std::any_of(filters.begin(), filters.end(),
                                       [&](const Test& filter) { return filter(request); });
    return holds ? narrowest : 0;
  }
};

}  // namespace

struct Sbpl::Impl {
  std::vector<Rule> rules;

  Result<void> read(const SbplForm& form) {
    if (form.kind != SbplForm::Kind::kList || form.items.empty()) {
      return fail("profile", "something beside the rules: " + form.text);
    }
    Rule rule;
    rule.allows = form.items.front().is_symbol("allow");
    if (!rule.allows && !form.items.front().is_symbol("deny")) {
      return fail("profile", "neither allow nor deny: " + form.items.front().text);
    }
    for (size_t i = 1; i < form.items.size(); ++i) {
      const SbplForm& item = form.items[i];
      if (item.kind == SbplForm::Kind::kSymbol) {
        if (!rule.filters.empty()) return fail("profile", "an operation behind a filter");
        if (!is_known_operation(item.text)) return fail(item.text, "is no operation");
        rule.operations.push_back(item.text);
      } else if (item.kind == SbplForm::Kind::kList && !item.items.empty() &&
                 item.items.front().is_symbol("with")) {
        continue;  // what is reported changes no verdict
      } else {
        SRT_ASSIGN(Test filter, FilterReader::read(item));
        rule.filters.push_back(std::move(filter));
      }
    }
    if (rule.operations.empty()) return fail("profile", "a rule without an operation");
    rules.push_back(std::move(rule));
    return {};
  }
};

Sbpl::Sbpl(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sbpl::Sbpl(Sbpl&&) noexcept = default;
Sbpl& Sbpl::operator=(Sbpl&&) noexcept = default;
Sbpl::~Sbpl() = default;

Result<Sbpl> Sbpl::read(std::string_view text) {
  SRT_ASSIGN(const std::vector<SbplForm> forms, read_sbpl(text));
  const bool version = !forms.empty() && forms.front().items.size() == 2 &&
                       forms.front().items[0].is_symbol("version") &&
                       forms.front().items[1].is_symbol("1");
  if (!version) return fail("profile", "does not begin with (version 1)");
  auto impl = std::make_unique<Impl>();
  for (size_t i = 1; i < forms.size(); ++i) SRT_TRY(impl->read(forms[i]));
  return Sbpl(std::move(impl));
}

SbplVerdict Sbpl::decide(const SbplRequest& request) const {
  SbplVerdict verdict;
  size_t narrowest = 0;
  bool allowed = false, denied = false;
  for (const Rule& rule : impl_->rules) {
    const size_t match = rule.match(request);
    if (match == 0) continue;
    verdict.last_match = rule.allows;
    if (match >= narrowest) {
      narrowest = match;
      verdict.most_specific = rule.allows;
    }
    if (match > 1) (rule.allows ? allowed : denied) = true;
  }
  verdict.contested = allowed && denied;
  return verdict;
}

size_t Sbpl::rules() const { return impl_->rules.size(); }

}  // namespace srt::test
