#include "runtime/policy_document.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "proxy/domain_pattern.h"

namespace srt::runtime {
namespace {

constexpr std::string_view kPrefix = "dev.srt.";
constexpr std::string_view kPolicy = "dev.srt.policy";
constexpr std::string_view kAllowed = "dev.srt.network.allowedDomains";
constexpr std::string_view kDenied = "dev.srt.network.deniedDomains";
constexpr std::string_view kDenyRead = "dev.srt.filesystem.denyRead";
constexpr std::string_view kAllowRead = "dev.srt.filesystem.allowRead";
constexpr std::string_view kAllowWrite = "dev.srt.filesystem.allowWrite";
constexpr std::string_view kDenyWrite = "dev.srt.filesystem.denyWrite";
constexpr std::array kKnown = {kPolicy,    kAllowed,    kDenied,   kDenyRead,
                               kAllowRead, kAllowWrite, kDenyWrite};

std::string annotation(std::string_view name) { return "annotation " + std::string(name); }

Result<PolicyDocument> parsed(std::string_view text, std::string origin, PolicyAuthor author) {
  PolicyDocument document;
  SRT_ASSIGN(document.settings, parse_settings(text, origin));
  document.origin = std::move(origin);
  document.author = author;
  return document;
}

// A misspelled annotation would be a policy that silently is none.
Result<void> check_names(const std::map<std::string, std::string>& annotations) {
  oci::Diagnostics found("annotations");
  for (auto at = annotations.lower_bound(std::string(kPrefix));
       at != annotations.end() && at->first.starts_with(kPrefix); ++at) {
    if (std::find(kKnown.begin(), kKnown.end(), at->first) != kKnown.end()) continue;
    std::string text = "is not a known annotation";
    const std::string_view near = oci::nearest(at->first, kKnown.data(), kKnown.size());
    if (!near.empty()) text += " (did you mean " + oci::in_quotes(near) + "?)";
    found.add(oci::Path() / at->first, std::move(text));
  }
  if (!found.empty()) return fail(found);
  return {};
}

// The document itself, or the absolute path of a file that holds it.
Result<PolicyDocument> from_annotation(const std::string& value) {
  if (!value.starts_with('/')) return parsed(value, annotation(kPolicy), PolicyAuthor::kBundle);
  SRT_ASSIGN(const std::string text, read_policy_file(value, PolicyAuthor::kBundle));
  return parsed(text, value, PolicyAuthor::kBundle);
}

// Commas or blanks between the entries: engines take commas in an annotation for their own.
std::vector<std::string> listed(const std::string& value, oci::Diagnostics& found) {
  const std::vector<std::string> parts = split_list(value);
  const bool blank = value.find_first_not_of(" \t") == std::string::npos;
  const auto commas = static_cast<size_t>(std::count(value.begin(), value.end(), ','));
  if (!blank && parts.size() != commas + 1) {
    found.add(std::string(), "has an empty entry: " + oci::in_quotes(value));
  }
  std::vector<std::string> entries;
  for (std::string part : parts) {
    std::replace(part.begin(), part.end(), '\t', ' ');
    std::replace(part.begin(), part.end(), ' ', ',');
    std::vector<std::string> words = split_list(part);
    std::move(words.begin(), words.end(), std::back_inserter(entries));
  }
  return entries;
}

Result<std::vector<std::string>> domains(std::string_view name, const std::string& value,
                                         proxy::PatternList list) {
  oci::Diagnostics found(annotation(name));
  std::vector<std::string> entries = listed(value, found);
  for (const std::string& entry : entries) {
    const auto pattern = proxy::DomainPattern::parse(entry, list);
    if (!pattern) found.add(std::string(), pattern.error());
  }
  if (!found.empty()) return fail(found);
  return entries;
}

Result<std::vector<PathEntry>> paths(std::string_view name, const std::string& value) {
  oci::Diagnostics found(annotation(name));
  std::vector<PathEntry> entries;
  for (std::string& path : listed(value, found)) entries.push_back({std::move(path), false});
  if (!found.empty()) return fail(found);
  return entries;
}

Result<void> add_filesystem_shorthands(const std::map<std::string, std::string>& annotations,
                                       std::vector<PolicyDocument>& documents) {
  for (const std::string_view name : {kDenyRead, kAllowRead, kAllowWrite, kDenyWrite}) {
    const auto at = annotations.find(std::string(name));
    if (at == annotations.end()) continue;
    PolicyDocument document;
    document.origin = annotation(name);
    FilesystemSettings& filesystem = document.settings.filesystem.emplace();
    SRT_ASSIGN(std::vector<PathEntry> entries, paths(name, at->second));
    if (name == kDenyRead)
      filesystem.deny_read = std::move(entries);
    else if (name == kAllowRead)
      filesystem.allow_read = std::move(entries);
    else if (name == kAllowWrite)
      filesystem.allow_write = std::move(entries);
    else
      filesystem.deny_write = std::move(entries);
    documents.push_back(std::move(document));
  }
  return {};
}

Result<void> add_shorthands(const std::map<std::string, std::string>& annotations,
                            std::vector<PolicyDocument>& documents) {
  for (const std::string_view name : {kAllowed, kDenied}) {
    const auto at = annotations.find(std::string(name));
    if (at == annotations.end()) continue;
    const bool allow = name == kAllowed;
    PolicyDocument document;
    document.origin = annotation(name);
    document.states_allowed = allow;
    NetworkSettings& network = document.settings.network.emplace();
    std::vector<std::string>& list = allow ? network.allowed_domains : network.denied_domains;
    SRT_ASSIGN(list, domains(name, at->second,
                             allow ? proxy::PatternList::kAllow : proxy::PatternList::kDeny));
    documents.push_back(std::move(document));
  }
  return add_filesystem_shorthands(annotations, documents);
}

Result<void> add_ceilings(const PolicySources& sources, std::vector<PolicyDocument>& documents) {
  constexpr PolicyAuthor kOperator = PolicyAuthor::kOperator;
  if (!sources.operator_file.empty()) {
    SRT_ASSIGN(const std::optional<std::string> text,
               read_policy_file_if_any(sources.operator_file, kOperator));
    if (text) {
      SRT_ASSIGN(PolicyDocument document, parsed(*text, sources.operator_file, kOperator));
      documents.push_back(std::move(document));
    }
  }
  if (sources.policy_file.empty() || sources.policy_file == sources.operator_file) return {};
  SRT_ASSIGN(const std::string text, read_policy_file(sources.policy_file, kOperator));
  SRT_ASSIGN(PolicyDocument document, parsed(text, sources.policy_file, kOperator));
  documents.push_back(std::move(document));
  return {};
}

Result<void> add_bundle(const PolicySources& sources, std::vector<PolicyDocument>& documents) {
  SRT_TRY(check_names(sources.annotations));
  std::optional<std::string> beside;
  if (!sources.bundle.empty()) {
    SRT_ASSIGN(beside, read_policy_file_if_any(sources.bundle + "/" + kBundlePolicy,
                                               PolicyAuthor::kBundle));
  }
  const auto at = sources.annotations.find(std::string(kPolicy));
  const bool annotated = at != sources.annotations.end();
  if (beside && annotated) {
    return fail(annotation(kPolicy), "the bundle has a " + std::string(kBundlePolicy) + " as well",
                "keep one of the two: which rules were meant cannot be known");
  }
  if (beside) {
    SRT_ASSIGN(PolicyDocument document, parsed(*beside, kBundlePolicy, PolicyAuthor::kBundle));
    documents.push_back(std::move(document));
  } else if (annotated) {
    SRT_ASSIGN(PolicyDocument document, from_annotation(at->second));
    documents.push_back(std::move(document));
  }
  return add_shorthands(sources.annotations, documents);
}

}  // namespace

Result<std::vector<PolicyDocument>> load_policy_documents(const PolicySources& sources) {
  std::vector<PolicyDocument> documents;
  SRT_TRY(add_ceilings(sources, documents));
  if (sources.replacement.empty()) {
    SRT_TRY(add_bundle(sources, documents));
    return documents;
  }
  SRT_ASSIGN(const std::string text, read_policy_file(sources.replacement, PolicyAuthor::kBundle));
  SRT_ASSIGN(PolicyDocument document, parsed(text, sources.replacement, PolicyAuthor::kBundle));
  documents.push_back(std::move(document));
  return documents;
}

}  // namespace srt::runtime
