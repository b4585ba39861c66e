#include "engine/transfer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_files.h"
#include "engine/settings.h"
#include "engine/test_parts.h"

namespace eidetic {
namespace {

using testing::HasSubstr;

class Transfer : public testing::Test {
 protected:
  Transfer() {
    for (int i = 0; i < 5; ++i) {
      const std::string id = fmt::format("sub/{} ü.jpg", i);
      backend_.items[id] = {.id = id,
                            .uri = "file:///x/" + id,
                            .content_hash = std::string(64, 'a'),
                            .size_bytes = 123,
                            .modified_ns = -5,
                            .metadata = R"({"label":"x"})",
                            .vector = {static_cast<float>(i), 0.5F, -1}};
    }
  }
  void write_export() {
    const auto count = export_collection(backend_, *backend_.describe("c"), file_);
    ASSERT_TRUE(count) << count.error().message;
    EXPECT_EQ(*count, 5U);
  }

  TemporaryDirectory folder_;
  std::filesystem::path file_ = folder_ / "c.eidetic";
  MemoryBackend backend_{mean_colour_spec()};
};

TEST_F(Transfer, BringsEverythingBack) {
  write_export();
  MemoryBackend other({});
  other.exists = false;
  const auto imported = import_collection(other, file_, "renamed");
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->spec.name, "renamed");
  EXPECT_TRUE(imported->spec.space.matches(MeanColour().space()));
  EXPECT_EQ(imported->spec.space.model, "mean");
  EXPECT_EQ(imported->spec.settings, R"({"model":"mean"})");
  ASSERT_EQ(other.items.size(), 5U);
  for (const auto& [id, item] : backend_.items) {
    const auto& back = other.items.at(id);
    EXPECT_EQ(std::tie(back.uri, back.content_hash, back.size_bytes, back.modified_ns, back.metadata, back.vector),
              std::tie(item.uri, item.content_hash, item.size_bytes, item.modified_ns, item.metadata, item.vector));
  }
}

TEST_F(Transfer, ReadsTheFormatBeforeAttachments) {
  write_export();
  auto file = read_text(file_).value();
  file.replace(file.find('2'), 1, "1");  // of "EIDETIC COLLECTION 2"
  const auto sum = checksum(std::as_bytes(std::span(file).first(file.size() - sizeof(std::uint64_t))));
  std::memcpy(file.data() + file.size() - sizeof(sum), &sum, sizeof(sum));
  ASSERT_TRUE(write_file_atomically(file_, file));
  MemoryBackend other({});
  other.exists = false;
  const auto imported = import_collection(other, file_, {});
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(other.items.size(), 5U);
}

TEST_F(Transfer, BringsAttachmentsBack) {
  const std::vector<std::byte> content(1000, std::byte{7});
  ASSERT_TRUE(backend_.attach("c", "classes", content));
  write_export();
  MemoryBackend other({});
  other.exists = false;
  ASSERT_TRUE(import_collection(other, file_, {}));
  EXPECT_EQ(other.attachment("c", "classes").value(), content);
  EXPECT_EQ(other.items.size(), 5U);
}

TEST_F(Transfer, DamageOfAnyByteOrLengthImportsNothing) {
  write_export();
  const auto sound = read_text(file_).value();
  const auto refuses = [&](const std::string& content) {
    ASSERT_TRUE(write_file_atomically(file_, content));
    MemoryBackend other({});
    other.exists = false;
    const auto imported = import_collection(other, file_, {});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::corrupt) << imported.error().message;
    EXPECT_THAT(imported.error().message, HasSubstr("c.eidetic"));
    EXPECT_FALSE(other.exists);
  };
  for (std::size_t at = 0; at < sound.size(); at += 31) {
    auto damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    refuses(damaged);
    refuses(sound.substr(0, at));
  }
  refuses(sound + "x");
}

TEST_F(Transfer, AFailureHalfwayLeavesNothing) {
  write_export();
  MemoryBackend other({});
  other.exists = false;
  other.upserts_left = 0;
  const auto imported = import_collection(other, file_, {});
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(other.exists);
}

TEST_F(Transfer, AnImportCutOffByTheEndOfTheProcessIsDroppedAtOpen) {
  ASSERT_TRUE(drop_cut_off_imports(backend_));
  EXPECT_TRUE(backend_.exists);
  ASSERT_TRUE(backend_.configure("c", settings_are(to_json({.model = "mean", .importing = true}))));
  ASSERT_TRUE(drop_cut_off_imports(backend_));
  EXPECT_FALSE(backend_.exists);
}

TEST_F(Transfer, ATakenNameStaysAsItIs) {
  write_export();
  const auto imported = import_collection(backend_, file_, {});
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, ErrorCode::already_exists);
  EXPECT_EQ(backend_.items.size(), 5U);
}

}  // namespace
}  // namespace eidetic
