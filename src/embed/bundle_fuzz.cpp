#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "embed/bundle.h"
#include "image/preprocess.h"

// A description from outside: parsed or refused, and what was parsed survives being written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bundle = eidetic::parse_bundle(text, "/bundle", "model.json");
  if (!bundle) return 0;
  const auto again = eidetic::parse_bundle(eidetic::write_bundle(*bundle), "/bundle", "model.json");
  if (!again || eidetic::space_hash(*again, "") != eidetic::space_hash(*bundle, "")) std::abort();
  (void)eidetic::Preprocess::compile(bundle->preprocess, "model.json");
  return 0;
}
