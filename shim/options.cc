#include "shim/options.h"

// A value is never split: `--env PATH=a,b` is one variable.
#define CXXOPTS_VECTOR_DELIMITER '\0'
// std::regex would cost more at start-up than all the rest of the parsing.
#define CXXOPTS_NO_REGEX
#include <algorithm>
#include <charconv>

#include <cxxopts.hpp>

#include "oci/diagnostics.h"

namespace srt::shim {
namespace {

constexpr Option kHelp{"h,help", "", "show this"};

const Option* find_long(std::span<const Option> options, std::string_view name) {
  for (const Option& option : options) {
    if (option.long_name() == name) return &option;
  }
  return name == kHelp.long_name() ? &kHelp : nullptr;
}

const Option* find_short(std::span<const Option> options, char name) {
  for (const Option& option : options) {
    if (option.short_name() == name) return &option;
  }
  return name == kHelp.short_name() ? &kHelp : nullptr;
}

std::string dashed(const Option& option) { return "--" + std::string(option.long_name()); }

tl::unexpected<Error> unknown(std::span<const Option> options, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.long_name());
  names.push_back(kHelp.long_name());
  std::string_view name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  std::string_view near = oci::nearest(name.substr(0, name.find('=')), names.data(), names.size());
  return fail(std::string(word), "unknown option",
              near.empty() ? "--help lists them" : "did you mean --" + std::string(near) + "?");
}

void declare(cxxopts::Options& parser, const Option& option) {
  std::shared_ptr<cxxopts::Value> value;
  if (option.is_switch()) {
    value = cxxopts::value<bool>();
  } else if (option.kind == Option::kRepeated) {
    value = cxxopts::value<std::vector<std::string>>();
  } else if (option.kind == Option::kNumber) {
    value = cxxopts::value<unsigned>();
  } else {
    value = cxxopts::value<std::string>();
  }
  parser.add_options()(std::string(option.names), std::string(option.help), value,
                       std::string(option.argument));
}

// The words up to the first positional, each in the one spelling `--name=value` (`--name` for a
// switch that says no more).
class Walk {
 public:
  Walk(std::span<const Option> options, std::span<const char* const> words)
      : options_(options), words_(words) {}

  Result<std::vector<std::string>> spell_out() {
    for (; at_ < words_.size(); ++at_) {
      std::string_view word = words_[at_];
      if (word == "--") {
        ++at_;
        break;
      }
      if (word.size() < 2 || word[0] != '-') break;
      SRT_TRY(one(word));
    }
    return std::move(canonical_);
  }

  size_t first_positional() const { return at_; }

 private:
  Result<void> one(std::string_view word) {
    const bool single_dash = word[1] != '-';
    std::string_view body = word.substr(single_dash ? 1 : 2);
    size_t equals = body.find('=');
    const Option* option = find_long(options_, body.substr(0, equals));
    if (!option) {
      if (single_dash) return cluster(word);
      return unknown(options_, word);
    }
    if (equals != std::string_view::npos) {
      canonical_.push_back(dashed(*option) + std::string(body.substr(equals)));
      return {};
    }
    return without_value(*option);
  }

  // "-td", "-b DIR", "-bDIR", "-b=DIR"
  Result<void> cluster(std::string_view word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const Option* option = find_short(options_, word[i]);
      if (!option) return unknown(options_, word);
      std::string_view glued = word.substr(i + 1);
      if (glued.empty() || (option->is_switch() && glued[0] != '=')) {
        SRT_TRY(without_value(*option));
        continue;
      }
      if (glued[0] == '=') glued.remove_prefix(1);
      canonical_.push_back(dashed(*option) + "=" + std::string(glued));
      return {};
    }
    return {};
  }

  Result<void> without_value(const Option& option) {
    std::string spelled = dashed(option);
    if (!option.is_switch()) {
      if (at_ + 1 >= words_.size()) {
        return fail(spelled, "needs a value",
                    "write " + spelled + " " + std::string(option.argument));
      }
      spelled += "=" + std::string(words_[++at_]);
    }
    canonical_.push_back(std::move(spelled));
    return {};
  }

  std::span<const Option> options_;
  std::span<const char* const> words_;
  size_t at_ = 0;
  std::vector<std::string> canonical_;
};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// cxxopts' messages speak of values without naming the option.
tl::unexpected<Error> bad_value(const std::string& spelled, const Option& option) {
  std::string found = "got \"" + spelled.substr(spelled.find('=') + 1) + "\"";
  if (option.is_switch()) return fail(dashed(option), "must be true or false, " + found);
  return fail(dashed(option), "must be a number of at least 0, " + found);
}

}  // namespace

bool Arguments::on(std::string_view name) const { return text(name) == "true"; }

std::string Arguments::text(std::string_view name, std::string_view otherwise) const {
  auto it = values_.find(name);
  return it == values_.end() ? std::string(otherwise) : it->second.back();
}

unsigned Arguments::number(std::string_view name, unsigned otherwise) const {
  std::string value = text(name);
  unsigned number = otherwise;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  auto it = values_.find(name);
  return it == values_.end() ? std::vector<std::string>{} : it->second;
}

Result<Arguments> parse_options(std::span<const Option> options,
                                std::span<const char* const> words) {
  Walk walk(options, words);
  SRT_ASSIGN(std::vector<std::string> canonical, walk.spell_out());
  Arguments arguments;
  for (size_t i = walk.first_positional(); i < words.size(); ++i) {
    arguments.rest_.emplace_back(words[i]);
  }
  // One at a time, so that an error can name its option; most command lines have two or three.
  cxxopts::Options parser("srt-runtime");
  for (const Option& option : options) declare(parser, option);
  declare(parser, kHelp);
  for (const std::string& spelled : canonical) {
    std::string name = spelled.substr(2, spelled.find('=') - 2);
    const Option& option = *find_long(options, name);
    // cxxopts would take "0x10" as well.
    if (option.kind == Option::kNumber && !is_number(spelled.substr(name.size() + 3))) {
      return bad_value(spelled, option);
    }
    const char* argv[] = {"", spelled.c_str()};
    try {
      cxxopts::ParseResult parsed = parser.parse(2, argv);
      std::string value;
      if (option.is_switch()) {
        value = parsed[name].as<bool>() ? "true" : "false";
      } else if (option.kind == Option::kNumber) {
        value = std::to_string(parsed[name].as<unsigned>());
      } else {
        value = spelled.substr(name.size() + 3);
      }
      arguments.values_[name].push_back(std::move(value));
    } catch (const cxxopts::exceptions::exception&) {
      return bad_value(spelled, option);
    }
  }
  return arguments;
}

std::string describe_options(std::span<const Option> options) {
  cxxopts::Options parser("srt-runtime");
  for (const Option& option : options) declare(parser, option);
  declare(parser, kHelp);
  parser.set_width(100);
  std::string text = parser.help({""}, false);
  // The first lines are cxxopts' own usage line; every verb writes a better one.
  size_t start = text.find("\n  -");
  if (size_t longer = text.find("\n      --"); longer < start) start = longer;
  return start == std::string::npos ? std::string() : text.substr(start + 1);
}

}  // namespace srt::shim
