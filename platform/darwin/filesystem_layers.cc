#include "platform/darwin/filesystem_layers.h"

#include <algorithm>
#include <utility>

#include "oci/diagnostics.h"
#include "platform/darwin/regex.h"

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kPrivate = "/private";
constexpr std::string_view kLinked[] = {"/tmp", "/var", "/etc"};

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && is_within(path, folder);
}

bool is_resolved(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != path.npos) return false;
  if (path == "/") return true;
  for (size_t at = 1; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, end - at);
    if (name.empty() || name == "." || name == "..") return false;
    at = end + 1;
  }
  return !path.ends_with('/');
}

// Where `opener` covers more of a path than `closer`, given that both cover it. Of two patterns it cannot be
// said which covers more: the one that closes wins.
Filter beats(const Place& opener, const Place& closer) {
  Filter nowhere = Filter::any({});
  if (opener.glob) {
    if (closer.glob) return nowhere;
    if (is_below(opener.path, closer.path)) return opener.cover();
    if (!is_within(closer.path, opener.path)) return nowhere;
    const auto below = opener.glob->cover_below(closer.path);
    return below ? Filter::regex(*below) : nowhere;
  }
  if (!closer.glob) return is_below(opener.path, closer.path) ? opener.cover() : nowhere;
  if (!is_within(opener.path, closer.path) || closer.glob->matches(opener.path)) return nowhere;
  const auto below = closer.glob->cover_below(opener.path);
  return below ? Filter::all({opener.cover(), Filter::negation(Filter::regex(*below))})
               : opener.cover();
}

// All but what the closing rules take, less what opens again inside.
Filter not_closed(const Layer& layer, PathEffect closing, bool allow_read_opens) {
  std::vector<Filter> closed;
  for (const Place& closer : layer.places) {
    if (closer.effect != closing) continue;
    std::vector<Filter> opened;
    for (const Place& opener : layer.places) {
      if (opener.effect == PathEffect::kAllowWrite ||
          (allow_read_opens && opener.effect == PathEffect::kAllowRead)) {
        opened.push_back(beats(opener, closer));
      }
    }
    closed.push_back(
        Filter::all({closer.cover(), Filter::negation(Filter::any(std::move(opened)))}));
  }
  return Filter::negation(Filter::any(std::move(closed)));
}

Filter covered_by(const Layer& layer, PathEffect effect) {
  std::vector<Filter> covers;
  for (const Place& place : layer.places) {
    if (place.effect == effect) covers.push_back(place.cover());
  }
  return Filter::any(std::move(covers));
}

Result<void> add_rule(Layer& layer, const PathRule& rule) {
  SRT_TRY(check_resolved(rule.path));
  const bool closing = closes(rule.effect);
  std::vector<std::string> paths = spellings(rule.path);
  // "/*/secret" names /tmp/secret, too.
  if (closing && rule.path == "/" && !rule.pattern.empty()) paths.emplace_back(kPrivate);
  for (const std::string& path : paths) {
    Place place{rule.effect, path, std::string::npos, {}, &path != &paths.front()};
    // An allowed name in another case is another name where case counts.
    if (closing && rule.existing < rule.path.size()) {
      place.existing = rule.existing + path.size() - rule.path.size();
    }
    if (!rule.pattern.empty()) {
      place.glob = Glob::parse(path, rule.pattern, closing ? Glob::Case::kAny : Glob::Case::kExact);
      if (!place.glob) {
        return fail("filesystem rule " + oci::in_quotes(rule.path + "/" + rule.pattern),
                    "holds a set of \"/\" alone, which matches nothing",
                    "name other characters in it");
      }
    }
    layer.places.push_back(std::move(place));
  }
  for (const std::string& link : rule.links) {
    SRT_TRY(check_resolved(link));
    if (rule.effect != PathEffect::kDenyWrite) continue;
    for (std::string& path : spellings(link)) layer.kept_links.push_back(std::move(path));
  }
  return {};
}

}  // namespace

bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool closes(PathEffect effect) {
  switch (effect) {
    case PathEffect::kDenyRead:
    case PathEffect::kReadOnly:
    case PathEffect::kDenyWrite: return true;
    case PathEffect::kAllowRead:
    case PathEffect::kAllowWrite: return false;
  }
  return true;
}

std::string canonical_form(std::string_view path) {
  for (const std::string_view linked : kLinked) {
    if (is_within(path, linked)) return std::string(kPrivate) + std::string(path);
  }
  return std::string(path);
}

std::vector<std::string> spellings(const std::string& path) {
  std::vector<std::string> out = {canonical_form(path)};
  for (const std::string_view linked : kLinked) {
    const std::string real = std::string(kPrivate) + std::string(linked);
    if (is_within(out.front(), real)) {
      out.push_back(out.front().substr(kPrivate.size()));
      break;
    }
  }
  return out;
}

Result<void> check_resolved(std::string_view path) {
  if (is_resolved(path)) return {};
  return fail("filesystem rule " + oci::in_quotes(path, 200),
              "is not an absolute path without \".\" and \"..\"");
}

std::string regex_of_path(std::string_view path, size_t existing) {
  existing = std::min(existing, path.size());
  return regex_exact(path.substr(0, existing)) + regex_any_case(path.substr(existing));
}

Filter any_below(const std::vector<std::string>& folders) {
  std::vector<Filter> filters;
  for (const std::string& folder : folders) {
    for (std::string& path : spellings(folder)) filters.push_back(Filter::subpath(std::move(path)));
  }
  return Filter::any(std::move(filters));
}

Filter Place::cover() const {
  if (glob) return Filter::regex(glob->cover());
  if (existing >= path.size()) return Filter::subpath(path);
  return Filter::regex("^" + regex_of_path(path, existing) + "(/.*)?$");
}

Filter Layer::readable() const { return not_closed(*this, PathEffect::kDenyRead, true); }

Filter Layer::writable() const {
  std::vector<Filter> denied = {covered_by(*this, PathEffect::kDenyWrite)};
  for (const std::string& link : kept_links) denied.push_back(Filter::literal(link));
  return Filter::all({limits_writes ? covered_by(*this, PathEffect::kAllowWrite) : Filter::all({}),
                      not_closed(*this, PathEffect::kReadOnly, false),
                      Filter::negation(Filter::any(std::move(denied)))});
}

Result<std::vector<Layer>> read_layers(const FilesystemAccess& filesystem) {
  std::vector<Layer> layers;
  if (filesystem.unrestricted) return layers;
  for (const FilesystemLayer& from : filesystem.layers) {
    Layer& layer = layers.emplace_back();
    layer.limits_writes = from.limits_writes;
    for (const PathRule& rule : from.rules) SRT_TRY(add_rule(layer, rule));
  }
  return layers;
}

}  // namespace srt::platform::darwin
