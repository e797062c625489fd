#include "platform/darwin/filesystem_filters.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "platform/darwin/filesystem_layers.h"
#include "platform/darwin/protected_filters.h"

namespace srt::platform::darwin {
namespace {

class FilterBuilder {
 public:
  explicit FilterBuilder(const Access& access)
      : access_(access), filesystem_(access.host.filesystem) {}

  Result<FilesystemFilters> run() {
    SRT_ASSIGN(layers_, read_layers(filesystem_));
    for (const std::string* path : {&access_.private_folder, &access_.cwd}) {
      if (!path->empty()) SRT_TRY(check_resolved(*path));
    }
    for (const auto* list : {&access_.own_folders, &filesystem_.settings_files}) {
      for (const std::string& path : *list) SRT_TRY(check_resolved(path));
    }
    add_read_and_write();
    if (!filesystem_.unrestricted) add_widened();
    add_kept();
    if (!filesystem_.unrestricted && filesystem_.protect_names) add_protected();
    return finish();
  }

 private:
  void add_read_and_write() {
    std::vector<Filter> read, write;
    for (const Layer& layer : layers_) {
      read.push_back(layer.readable());
      write.push_back(layer.writable());
    }
    // Nobody says what may be written.
    if (layers_.empty() && !filesystem_.unrestricted) write.push_back(Filter::any({}));
    const Filter own = Filter::negation(any_below(access_.own_folders));
    out_.read = Filter::all({Filter::all(std::move(read)), own});
    out_.write = Filter::all({Filter::all(std::move(write)), out_.read});
    if (access_.private_folder.empty()) return;
    const Filter mine = any_below({access_.private_folder});
    out_.read = Filter::any({out_.read, mine});
    out_.write = Filter::any({out_.write, mine});
  }

  // "**/.env" of one folder, while another can be written: there the name would be free, and a folder with
  // it in could be moved in or out. So it is denied in all places that can be written.
  void add_widened() {
    for (const Layer& layer : layers_) {
      for (const Place& place : layer.places) {
        if (!closes(place.effect) || place.other_spelling || !place.glob) continue;
        if (!place.glob->at_any_depth()) continue;
        const Filter elsewhere = writable_outside(place.path);
        if (elsewhere.is_nothing()) continue;
        const auto everywhere = Glob::parse("/", place.glob->rest(), Glob::Case::kAny);
        const Filter name = Filter::regex(everywhere->cover());
        never_written_.push_back(name);
        if (place.effect == PathEffect::kDenyRead) {
          out_.read = Filter::all({out_.read, Filter::negation(Filter::all({elsewhere, name}))});
        }
        add_steps(*everywhere);
      }
    }
  }

  Filter writable_outside(const std::string& base) const {
    std::vector<Filter> filters;
    for (const Layer& layer : layers_) {
      for (const Place& place : layer.places) {
        if (place.effect != PathEffect::kAllowWrite || place.other_spelling) continue;
        if (!is_within(place.path, base)) filters.push_back(place.cover());
      }
    }
    const std::string& mine = access_.private_folder;
    if (!mine.empty() && !is_within(mine, base)) filters.push_back(any_below({mine}));
    return Filter::any(std::move(filters));
  }

  void keep(const std::string& path, size_t existing = std::string::npos) {
    if (path == "/" || !may_be_written(path)) return;
    Filter place = existing < path.size() ? Filter::regex("^" + regex_of_path(path, existing) + "$")
                                          : Filter::literal(path);
    if (std::find(kept_.begin(), kept_.end(), place) == kept_.end()) {
      kept_.push_back(std::move(place));
    }
  }
  void keep_above(std::string_view path, size_t existing = std::string::npos) {
    for (size_t slash; (slash = path.rfind('/')) != path.npos && slash > 0;) {
      path = path.substr(0, slash);
      keep(std::string(path), existing);
    }
  }
  bool may_be_written(std::string_view path) const {
    const std::string& mine = access_.private_folder;
    if (!mine.empty() && is_within(path, canonical_form(mine))) return true;
    return std::all_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
      return !layer.limits_writes ||
             std::any_of(layer.places.begin(), layer.places.end(), [&](const Place& place) {
               return place.effect == PathEffect::kAllowWrite && is_within(path, place.path);
             });
    });
  }

  void add_steps(const Glob& glob) {
    const Filter folder_or_link = Filter::any(
        {Filter::vnode_type(VnodeType::kDirectory), Filter::vnode_type(VnodeType::kSymlink)});
    for (const Glob::Step& step : glob.steps()) {
      const Filter place = Filter::regex(step.regex);
      const Filter kept = step.wild || step.deep ? Filter::all({place, folder_or_link}) : place;
      if (std::find(kept_.begin(), kept_.end(), kept) == kept_.end()) kept_.push_back(kept);
    }
  }

  // Whoever renames a folder takes what is in it to where no rule names it, and brings another in its place.
  void add_kept() {
    std::vector<Filter> tops;
    for (const Layer& layer : layers_) {
      for (const Place& place : layer.places) {
        if (closes(place.effect)) {
          keep_above(place.path, place.existing);
          if (place.glob) {
            keep(place.path);
            add_steps(*place.glob);
          }
        } else if (place.effect == PathEffect::kAllowWrite && !place.glob) {
          tops.push_back(Filter::literal(place.path));
        }
      }
      for (const std::string& link : layer.kept_links) keep_above(link);
    }
    for (const auto* list : {&access_.own_folders, &filesystem_.settings_files}) {
      for (const std::string& path : *list) {
        for (const std::string& spelling : spellings(path)) keep_above(spelling);
      }
    }
    if (!access_.private_folder.empty()) keep(canonical_form(access_.private_folder));
    for (const std::string& path : filesystem_.settings_files) {
      if (filesystem_.unrestricted) break;
      for (const std::string& spelling : spellings(path)) {
        const size_t slash = spelling.rfind('/') + 1;
        never_written_.push_back(Filter::regex("^" + regex_of_path(spelling, slash) + "(/.*)?$"));
      }
    }
    out_.not_made = out_.not_removed = Filter::any(std::move(kept_));
    // `ln -s / build`, with allowWrite ["build"]: the rules of the next run would lead there.
    out_.not_made = Filter::any(
        {out_.not_made,
         Filter::all({Filter::any(std::move(tops)), Filter::vnode_type(VnodeType::kSymlink)})});
  }

  void add_protected() {
    std::vector<std::string> opened;
    for (const FilesystemLayer& layer : filesystem_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (!rule.opens_protected || rule.effect != PathEffect::kAllowWrite) continue;
        for (std::string& path : spellings(rule.path)) opened.push_back(std::move(path));
      }
    }
    ProtectedFilters names = protected_filters(filesystem_.allow_git_config, opened);
    never_written_.push_back(std::move(names.covered));
    out_.not_made = Filter::any({out_.not_made, names.kept, names.not_made});
    out_.not_removed = Filter::any({out_.not_removed, names.kept, names.not_removed});
  }

  FilesystemFilters finish() {
    out_.write =
        Filter::all({out_.write, Filter::negation(Filter::any(std::move(never_written_)))});
    out_.look_up = look_up();
    return std::move(out_);
  }

  // realpath(3) and getcwd(3) look at every folder on the way.
  Filter look_up() const {
    if (out_.read.is_everything()) return Filter::any({});
    std::set<std::string> folders;
    const auto add_way = [&](std::string_view path, bool itself) {
      if (itself) folders.emplace(path);
      for (size_t slash; (slash = path.rfind('/')) != path.npos && slash > 0;) {
        folders.emplace(path = path.substr(0, slash));
      }
      folders.emplace("/");
    };
    std::vector<Filter> filters;
    for (const Layer& layer : layers_) {
      for (const Place& place : layer.places) {
        if (closes(place.effect)) continue;
        add_way(place.path, place.glob.has_value());
        if (!place.glob) continue;
        for (const Glob::Step& step : place.glob->steps()) {
          filters.push_back(Filter::regex(step.regex));
        }
      }
    }
    for (const std::string* path : {&access_.private_folder, &access_.cwd}) {
      if (path->empty()) continue;
      for (const std::string& spelling : spellings(*path)) add_way(spelling, true);
    }
    for (const std::string& folder : folders) filters.push_back(Filter::literal(folder));
    const Filter own = Filter::negation(any_below(access_.own_folders));
    return Filter::all(
        {Filter::any(std::move(filters)), Filter::vnode_type(VnodeType::kDirectory), own});
  }

  const Access& access_;
  const FilesystemAccess& filesystem_;
  std::vector<Layer> layers_;
  std::vector<Filter> never_written_;
  std::vector<Filter> kept_;
  FilesystemFilters out_;
};

}  // namespace

Result<FilesystemFilters> filesystem_filters(const Access& access) {
  return FilterBuilder(access).run();
}

}  // namespace srt::platform::darwin
