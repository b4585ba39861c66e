// Compiled networks kept in a folder, so that a process starts in a fraction of the time. A cache: any entry may vanish
// or be damaged at any time. Thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace eidetic {

class CompiledCache {
 public:
  // `name`: what tells networks apart; `version`: what a compiled one depends on beside (library, processor). An entry
  // of another version is replaced, not kept beside. An empty folder: nothing is kept.
  CompiledCache(const std::filesystem::path& folder, std::string_view name, std::string_view version);

  // The bytes that store() was given; nullopt: not there, of another version, or damaged.
  [[nodiscard]] std::optional<std::string> load() const;
  // What goes wrong is a debug line in the log.
  void store(std::string_view compiled) const;

 private:
  [[nodiscard]] std::string header(std::string_view compiled) const;

  std::filesystem::path file_;
  std::string key_;
};

}  // namespace eidetic
