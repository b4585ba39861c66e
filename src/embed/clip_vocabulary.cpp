#include "embed/clip_vocabulary.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::string_view kStart = "<|startoftext|>";
constexpr std::string_view kEnd = "<|endoftext|>";
constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kMaxMerges = 48'894;  // 49,408 entries less 2 x 256 bytes, start and end

using Merge = std::pair<std::string_view, std::string_view>;

std::unexpected<Error> corrupt(std::string_view where, std::string_view what) {
  return fail(ErrorCode::corrupt, fmt::format("{}: {}", where, what));
}

Result<std::vector<Merge>> read_merges(std::string_view text, std::string_view where) {
  std::vector<Merge> merges;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.contains("#version"))) continue;
    const std::size_t space = line.find(' ');
    const bool pair = space != std::string_view::npos && space > 0 && space + 1 < line.size() &&
                      line.find(' ', space + 1) == std::string_view::npos && is_utf8(line);
    if (!pair) return corrupt(where, fmt::format("line {} must be two tokens with a space between them", number));
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  if (merges.empty()) return corrupt(where, "there are no merges");
  return merges;
}

// The characters that stand for the 256 bytes, in the order of their ids: printable ones for themselves, then the
// others from U+0100 on.
std::vector<std::string> byte_characters() {
  constexpr std::array<std::pair<int, int>, 3> kPrintable = {{{'!', '~'}, {0xA1, 0xAC}, {0xAE, 0xFF}}};
  const auto utf8 = [](int code) {
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return std::string{static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
  };
  std::vector<std::string> characters;
  for (const auto& [first, last] : kPrintable) {
    for (int code = first; code <= last; ++code) characters.push_back(utf8(code));
  }
  for (int code = 0x100; characters.size() < 256; ++code) characters.push_back(utf8(code));
  return characters;
}

Json count_ids(const std::vector<Merge>& merges) {
  Json ids = Json::object();
  std::uint32_t next = 0;
  const std::vector<std::string> bytes = byte_characters();
  for (const auto& byte : bytes) ids[byte] = next++;
  for (const auto& byte : bytes) ids[byte + std::string(kEndOfWord)] = next++;
  for (const auto& [left, right] : merges) ids[fmt::format("{}{}", left, right)] = next++;
  ids[kStart] = next++;
  ids[kEnd] = next;
  return ids;
}

Result<Json> read_ids(std::string_view text, std::string_view where) {
  auto ids = parse_json_object(text, where);
  if (!ids) return corrupt(where, ids.error().message);
  for (const auto& [token, id] : ids->items()) {
    if (id.is_number_unsigned() && id.get<std::uint64_t>() <= UINT32_MAX) continue;
    return corrupt(where, fmt::format("the id of '{}' must be a whole number from 0 to {}", token, UINT32_MAX));
  }
  for (const std::string_view token : {kStart, kEnd}) {
    if (!ids->contains(token)) return corrupt(where, fmt::format("it has no token '{}'", token));
  }
  return ids;
}

// The form of Hugging Face's CLIPTokenizer.
Json describe(Json ids, const std::vector<Merge>& merges) {
  const Json start = {std::string(kStart), ids[kStart]};
  const Json end = {std::string(kEnd), ids[kEnd]};
  const auto special = [](const Json& token) {
    return Json{{"content", token[0]}, {"id", token[1]},      {"special", true}, {"single_word", false},
                {"lstrip", false},     {"normalized", false}, {"rstrip", false}};
  };
  constexpr std::string_view kPieces =
      R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
  Json json;
  json["version"] = "1.0";
  json["added_tokens"] = {special(start), special(end)};
  json["normalizer"] = {{"type", "Sequence"},
                        {"normalizers",
                         {{{"type", "NFC"}},
                          {{"type", "Replace"}, {"pattern", {{"Regex", R"(\s+)"}}}, {"content", " "}},
                          {{"type", "Lowercase"}}}}};
  Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", kPieces}}}, {"behavior", "Removed"}, {"invert", true}}, bytes}}};
  json["post_processor"] = {{"type", "RobertaProcessing"},
                            {"cls", start},
                            {"sep", end},
                            {"trim_offsets", false},
                            {"add_prefix_space", false}};
  json["decoder"] = std::move(bytes);
  json["model"] = {{"type", "BPE"},
                   {"unk_token", kEnd},
                   {"continuing_subword_prefix", ""},
                   {"end_of_word_suffix", kEndOfWord},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"vocab", std::move(ids)},
                   {"merges", merges}};
  return json;
}

}  // namespace

Result<std::string> clip_vocabulary(std::string_view merges, std::string_view vocabulary, std::string_view where) {
  EIDETIC_TRY(std::vector<Merge> pairs, read_merges(merges, where));
  if (vocabulary.empty()) {
    if (pairs.size() > kMaxMerges) pairs.resize(kMaxMerges);
    return dump_json(describe(count_ids(pairs), pairs));
  }
  EIDETIC_TRY(Json ids, read_ids(vocabulary, where));
  return dump_json(describe(std::move(ids), pairs));
}

Result<std::string> read_clip_vocabulary(const std::filesystem::path& merges, const std::filesystem::path& vocabulary) {
  EIDETIC_TRY(const std::string pairs, read_text(merges, kMaxTokenizerBytes));
  if (vocabulary.empty()) return clip_vocabulary(pairs, "", fmt::format("'{}'", merges.native()));
  EIDETIC_TRY(const std::string ids, read_text(vocabulary, kMaxTokenizerBytes));
  if (ids.empty()) return corrupt(fmt::format("'{}'", vocabulary.native()), "it is empty");
  return clip_vocabulary(pairs, ids, fmt::format("'{}' with '{}'", merges.native(), vocabulary.native()));
}

}  // namespace eidetic
