// Compiled networks kept in a folder, so that a process starts in a fraction of the time. A cache: any entry may vanish
// or be damaged at any time. Included by this room's .cpp files alone.
#pragma once

#include <openvino/openvino.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace eidetic {

class CompiledCache {
 public:
  // `key`: all that the network depends on; the versions of OpenVINO and the processor's name are added. An empty
  // folder: nothing is kept.
  CompiledCache(std::filesystem::path folder, std::string_view key);

  // nullopt: not there, of other versions, or damaged.
  [[nodiscard]] std::optional<ov::CompiledModel> load(const ov::AnyMap& properties) const;
  // Replaces the entry; what goes wrong is a debug line in the log.
  void store(ov::CompiledModel& compiled) const;

 private:
  std::filesystem::path file_;
  std::string header_;
};

}  // namespace eidetic
