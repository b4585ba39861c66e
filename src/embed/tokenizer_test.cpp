#include "embed/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/test_files.h"
#include "embed/clip_vocabulary.h"
#include "embed/subword_tokenizer.h"

namespace eidetic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

using Ids = std::vector<std::int64_t>;

fs::path data(std::string_view name) { return fs::path(EIDETIC_SOURCE_DIR) / "tests/data/tokenizers" / name; }

Json golden(std::string_view name) { return parse_json(read_text(data(name)).value(), name).value(); }

// A bundle whose tokenizer lies in tests/data/tokenizers.
ModelBundle bundle(const TextPart& text) { return {.name = "m", .folder = data(""), .text = text}; }

std::unique_ptr<const Tokenizer> load(const ModelBundle& bundle) {
  auto tokenizer = load_tokenizer(bundle);
  if (!tokenizer) ADD_FAILURE() << tokenizer.error().message;
  return tokenizer ? *std::move(tokenizer) : nullptr;
}

Error error_of(const ModelBundle& bundle) {
  const auto tokenizer = load_tokenizer(bundle);
  return tokenizer ? Error{ErrorCode::internal, "no error"} : tokenizer.error();
}

const TextPart kClip = {.model = "t", .tokenizer = TokenizerKind::clip, .merges = "small_merges.txt", .length = 24};
const TextPart kWordPiece = {
    .model = "t", .tokenizer = TokenizerKind::file, .tokenizer_file = "small_wordpiece.json", .length = 16};

TEST(ClipTokenizer, GivesTheGoldenIdsOfASmallVocabulary) {
  TextPart with_ids = kClip;
  with_ids.vocabulary = "small_vocab.json";
  const auto counted = load(bundle(kClip));
  const auto read = load(bundle(with_ids));
  for (const auto& entry : golden("golden_small.json")["clip"]) {
    const auto text = entry["text"].get<std::string>();
    EXPECT_EQ(counted->tokenize(text)->ids, entry["counted"].get<Ids>()) << text;
    EXPECT_EQ(read->tokenize(text)->ids, entry["read"].get<Ids>()) << text;
  }
}

TEST(ClipTokenizer, GivesTheGoldenIdsOfTheFullVocabulary) {
  const fs::path merges = fs::path(EIDETIC_SOURCE_DIR) / ".deps/test-data/clip-merges.txt";
  if (!fs::exists(merges)) GTEST_SKIP() << "needs " << merges.native() << ", not there: run make setup";
  const auto tokenizer =
      load({.name = "m",
            .folder = merges.parent_path(),
            .text = TextPart{.model = "t", .tokenizer = TokenizerKind::clip, .merges = "clip-merges.txt"}});
  const Json texts = golden("golden_clip.json");
  EXPECT_GE(texts.size(), 200);
  for (const auto& entry : texts) {
    const auto text = entry["text"].get<std::string>();
    EXPECT_EQ(tokenizer->tokenize(text)->ids, entry["ids"].get<Ids>()) << entry["text"];
  }
}

TEST(FileTokenizer, GivesTheGoldenIdsOfOtherKinds) {
  for (const auto* const kind : {"wordpiece", "unigram"}) {
    const auto tokenizer = load(bundle({.model = "t",
                                        .tokenizer = TokenizerKind::file,
                                        .tokenizer_file = std::string("small_") + kind + ".json",
                                        .length = 16}));
    for (const auto& entry : golden("golden_small.json")[kind]) {
      const auto text = entry["text"].get<std::string>();
      EXPECT_EQ(tokenizer->tokenize(text)->ids, entry["ids"].get<Ids>()) << kind << ": " << text;
    }
  }
}

TEST(ClipTokenizer, KeepsTheEndOfWhatItCutsAndTellsHowMuchThatIs) {
  const auto tokenizer = load(bundle(kClip));
  const auto words = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "house ";
    return text;
  };
  const TextTokens whole = tokenizer->tokenize(words(22)).value();
  EXPECT_EQ(whole.ids.size(), 24);
  EXPECT_EQ(whole.count, 22);
  EXPECT_EQ(whole.cut, 0);
  const TextTokens cut = tokenizer->tokenize(words(200)).value();
  EXPECT_EQ(cut.ids, whole.ids);
  EXPECT_EQ(cut.count, 200);
  EXPECT_EQ(cut.cut, 178);
}

TEST(ClipTokenizer, FindsNothingInATextOfSpaces) {
  const auto tokenizer = load(bundle(kClip));
  for (const auto* const text : {"", " ", "\n\t\u3000"}) {
    const TextTokens tokens = tokenizer->tokenize(text).value();
    EXPECT_EQ(tokens.ids.size(), 2);
    EXPECT_EQ(tokens.count, 0);
  }
}

TEST(ClipTokenizer, RefusesWhatIsNoText) {
  const auto tokenizer = load(bundle(kClip));
  for (const auto* const text : {"\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80"}) {
    const auto tokens = tokenizer->tokenize(text);
    ASSERT_FALSE(tokens);
    EXPECT_EQ(tokens.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(tokens.error().message, HasSubstr("not valid UTF-8"));
  }
}

TEST(ClipTokenizer, TakesAMegabyteAndNoMore) {
  const auto tokenizer = load(bundle(kClip));
  std::string spaced;
  while (spaced.size() + 2 <= kMaxTextBytes) spaced += "a ";
  for (const std::string& text :
       {std::string(kMaxTextBytes, 'x'), spaced, std::string(kMaxTextBytes, ' '), std::string(kMaxTextBytes, '\0')}) {
    const auto tokens = tokenizer->tokenize(text);
    ASSERT_TRUE(tokens) << tokens.error().message;
    EXPECT_LE(tokens->ids.size(), 24);
  }
  const auto tokens = tokenizer->tokenize(spaced + "abc");
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(tokens.error().message, HasSubstr("too long"));
}

TEST(ClipTokenizer, GivesTheSameIdsOnAllThreads) {
  const auto tokenizer = load(bundle(kClip));
  const Json texts = golden("golden_small.json")["clip"];
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        for (const auto& entry : texts) {
          EXPECT_EQ(tokenizer->tokenize(entry["text"].get<std::string>())->ids, entry["counted"].get<Ids>());
        }
      }
    });
  }
}

TEST(ClipTokenizer, NamesWhatIsWrongWithItsFiles) {
  const auto message = [](std::string_view merges, std::string_view vocabulary = "") {
    const auto made = clip_vocabulary(merges, vocabulary, "'m.txt'");
    return made ? "no error" : made.error().message;
  };
  EXPECT_EQ(message("#version: 0.2\na b\nab c\n"), "no error");
  EXPECT_EQ(message("a b\r\n"), "no error");
  EXPECT_EQ(message("a b\nabc\n"), "'m.txt': line 2 must be two tokens with a space between them");
  EXPECT_THAT(message("a b\na  b"), HasSubstr("line 2"));
  EXPECT_THAT(message("a b c"), HasSubstr("line 1"));
  EXPECT_THAT(message("a \xFF"), HasSubstr("line 1"));
  EXPECT_THAT(message(""), HasSubstr("there are no merges"));
  EXPECT_THAT(message("a b", "[]"), HasSubstr("'m.txt'"));
  EXPECT_THAT(message("a b", R"({"a": 1})"), HasSubstr("no token '<|startoftext|>'"));
  EXPECT_THAT(message("a b", R"({"a": -1})"), HasSubstr("the id of 'a'"));
  EXPECT_THAT(message("a b", R"({"a": 4294967296})"), HasSubstr("the id of 'a'"));

  // A merge of what is no token is seen by the library.
  const std::string json =
      clip_vocabulary("a b", R"({"a": 0, "b": 1, "<|startoftext|>": 2, "<|endoftext|>": 3})", "m").value();
  const auto tokenizer = SubwordTokenizer::make(json, 77, std::nullopt, "m.txt");
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::corrupt);
  EXPECT_THAT(tokenizer.error().message, AllOf(HasSubstr("'m.txt' makes no tokenizer"), HasSubstr("`ab`")));
}

TEST(FileTokenizer, NamesWhatIsWrongWithItsFile) {
  const TemporaryDirectory folder;
  const auto error = [&](std::string_view content) {
    EXPECT_TRUE(write_file_atomically(folder / "t.json", content));
    return error_of({.name = "m",
                     .folder = folder.path(),
                     .text = TextPart{.model = "t", .tokenizer = TokenizerKind::file, .tokenizer_file = "t.json"}});
  };
  for (const auto* const content : {"", "{", "[]", "{}", R"({"model": {"type": "Magic"}})", "\xFF\xFE"}) {
    EXPECT_EQ(error(content).code, ErrorCode::corrupt) << content;
    EXPECT_THAT(error(content).message, HasSubstr("t.json' makes no tokenizer")) << content;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"normalizer":)";
  EXPECT_EQ(error(deep).code, ErrorCode::corrupt);
  fs::remove(folder / "t.json");
  EXPECT_EQ(error_of({.name = "m",
                      .folder = folder.path(),
                      .text = TextPart{.model = "t", .tokenizer = TokenizerKind::file, .tokenizer_file = "t.json"}})
                .code,
            ErrorCode::not_found);

  TextPart no_room = kWordPiece;
  no_room.length = 2;
  EXPECT_THAT(error_of(bundle(no_room)).message, HasSubstr("puts 2 tokens around every text"));
}

TEST(FileTokenizer, PadsAsTheBundleSaysElseAsTheFileDoes) {
  const auto padding = [](const std::optional<PaddingToken>& pad, const std::string& file) {
    TextPart part = kWordPiece;
    part.pad = pad;
    part.tokenizer_file = file;
    return load(bundle(part))->padding();
  };
  EXPECT_EQ(padding(std::nullopt, "small_wordpiece.json"), 0);
  EXPECT_EQ(padding(7, "small_wordpiece.json"), 7);
  EXPECT_EQ(padding("[SEP]", "small_wordpiece.json"), 3);
  TextPart unknown = kWordPiece;
  unknown.pad = "<pad>";
  const Error error = error_of(bundle(unknown));
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("has no token '<pad>'"));
}

// A file of another purpose says more than how text is taken apart.
TEST(FileTokenizer, IsNotLedByTheFilesOwnPaddingLengthAndDice) {
  Json json = parse_json(read_text(data("small_wordpiece.json")).value(), "t").value();
  json["padding"] = {{"strategy", {{"Fixed", 4'000'000'000}}},
                     {"direction", "Right"},
                     {"pad_to_multiple_of", nullptr},
                     {"pad_id", 4},
                     {"pad_type_id", 0},
                     {"pad_token", "[MASK]"}};
  json["truncation"] = {{"direction", "Right"}, {"max_length", 3}, {"strategy", "OnlySecond"}, {"stride", 2}};
  const auto tokenizer = SubwordTokenizer::make(dump_json(json), 16, std::nullopt, "t").value();
  EXPECT_EQ(tokenizer->padding(), 4);
  for (const auto& entry : golden("golden_small.json")["wordpiece"]) {
    EXPECT_EQ(tokenizer->tokenize(entry["text"].get<std::string>())->ids, entry["ids"].get<Ids>());
  }

  Json clip = parse_json(read_clip_vocabulary(data("small_merges.txt"), {}).value(), "t").value();
  clip["model"]["dropout"] = 0.9;
  const auto sure = SubwordTokenizer::make(dump_json(clip), 24, std::nullopt, "t").value();
  const Ids first = sure->tokenize("photo photo photo")->ids;
  EXPECT_EQ(first.size(), 5);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sure->tokenize("photo photo photo")->ids, first);
}

TEST(WordTokenizer, TellsWhatItCuts) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(write_file_atomically(folder / "v.txt", "<pad>\n<unk>\ndog\ncat\n"));
  const auto tokenizer =
      load({.name = "m", .folder = folder.path(), .text = TextPart{.model = "t", .vocabulary = "v.txt", .length = 2}});
  const TextTokens tokens = tokenizer->tokenize("dog cat unknown cat").value();
  EXPECT_THAT(tokens.ids, ElementsAre(2, 3));
  EXPECT_EQ(tokens.count, 3);
  EXPECT_EQ(tokens.cut, 1);
  EXPECT_EQ(tokenizer->tokenize("nothing \xFF known")->count, 0);
}

}  // namespace
}  // namespace eidetic
