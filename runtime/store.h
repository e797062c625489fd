// Where containers are written down: a folder for each under one root.
//
//   ROOT/ID/state.json    Record, replaced atomically
//          /config.json   the spec that the container was made from
//          /…             the platform's start fifos
//
//   SRT_ASSIGN(Store store, Store::open(root_option));
//   SRT_ASSIGN(Entry entry, store.reserve(id));          // create: the id is ours, and locked
//   SRT_ASSIGN(Entry entry, store.lock(id, Lock::kExclusive));  // start, delete
//   SRT_ASSIGN(Entry entry, store.find(id));             // state, kill: look, hold nobody up
//
// Two callers at once: mkdir decides who gets an id; whoever changes a container holds flock() on
// its folder. Locks end with their holder, so nothing has to be cleaned up after a kill -9, and a
// container "being created" whose folder nobody has locked was abandoned half-made: it is shown as
// stopped, and `delete` ends and removes what there is of it.
//
// Not promised: that the folder survives a reboot, or that root cannot damage the files.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/fd.h"
#include "runtime/container_id.h"
#include "runtime/record.h"

namespace srt::runtime {

enum class Lock { kNone, kShared, kExclusive };

// One container's folder, held open. Moving it moves the lock.
class Entry {
 public:
  int dir() const { return dir_.get(); }

  Result<Record> load() const;
  Result<void> save(const Record& record) const;  // under kExclusive
  Result<oci::Spec> load_spec() const;
  Result<void> save_spec(const oci::Spec& spec) const;
  // A file of the folder, as a whole or not at all.
  Result<void> write_file(const std::string& name, std::string_view text, mode_t mode) const;

  // What the container is at this moment.
  Status status(const Record& record) const;

  // Removes the folder, state.json last: until then the container can still be found and deleted.
  // Under kExclusive. Does not fail on what is gone.
  Result<void> remove();

 private:
  friend class Store;
  Entry(UniqueFd dir, int root, const std::string& root_path, std::string folder, Lock held)
      : dir_(std::move(dir)),
        root_(root),
        path_(root_path + "/" + folder),
        folder_(std::move(folder)),
        held_(held) {}
  bool being_created() const;

  UniqueFd dir_;
  int root_ = -1;     // the store's
  std::string path_;  // for errors
  std::string folder_;
  Lock held_ = Lock::kNone;
};

class Store {
 public:
  enum class Place {
    kChosen,  // by --root
    kOwn,     // where only we may write
    kShared,  // in /tmp
  };
  // `chosen`: the value of --root; empty: /run/srt for the host's root, $XDG_RUNTIME_DIR/srt for
  // all others, /tmp/srt-UID where that is not set. The folder is made if it is not there.
  static Result<Store> open(const std::string& chosen);
  // All of these, for this user in whatever environment, there or not. What stands in them is believed: processes are
  // ended and hooks run by it, so nobody in a sandbox may make one.
  static std::vector<std::string> places();

  // Makes the root anew where it was removed meanwhile.
  Result<Entry> reserve(const ContainerId& id) const;
  // The root itself, if nothing is in it: a sandbox of one command leaves no litter.
  void remove_if_empty() const;
  // Error code ENOENT: there is no such container.
  Result<Entry> find(const ContainerId& id) const;
  // Waits for whoever holds the lock, but not longer than `patience` (error code EBUSY).
  Result<Entry> lock(const ContainerId& id, Lock how,
                     std::chrono::milliseconds patience = std::chrono::seconds(10)) const;

  struct Listed {
    Record record;
    Status status = Status::kStopped;
    std::string damage;  // why state.json could not be read; `record` then holds what is known
  };
  Result<std::vector<Listed>> list() const;  // sorted by id

  const std::string& path() const { return path_; }
  // Where the files of a container lie, or would.
  std::string folder_of(const ContainerId& id) const { return path_ + "/" + id.folder(); }

 private:
  Store(UniqueFd root, std::string path, Place place)
      : root_(std::move(root)), path_(std::move(path)), place_(place) {}
  Result<void> make(const std::string& folder) const;
  Result<void> take(const UniqueFd& root) const;
  Result<Entry> open_entry(const std::string& folder) const;
  bool still_there(const Entry& entry) const;

  UniqueFd root_;
  std::string path_;
  Place place_ = Place::kChosen;
};

}  // namespace srt::runtime
