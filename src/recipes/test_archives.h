// For tests: archives made here, good ones and hostile ones.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace eidetic {

struct TestMember {
  std::string name;
  std::string content = {};
  enum class Kind { file, folder, symlink, hardlink, fifo };
  Kind kind = Kind::file;  // of links, `content` is where they lead
  unsigned mode = 0644;
};

enum class TestFormat { tar, tar_gz, tar_xz, zip };

inline void write_archive(const std::filesystem::path& file, TestFormat format,
                          const std::vector<TestMember>& members) {
  using Kind = TestMember::Kind;
  archive* writer = ::archive_write_new();
  if (format == TestFormat::zip) {
    ::archive_write_set_format_zip(writer);
  } else {
    ::archive_write_set_format_gnutar(writer);
  }
  if (format == TestFormat::tar_gz) ::archive_write_add_filter_gzip(writer);
  if (format == TestFormat::tar_xz) ::archive_write_add_filter_xz(writer);
  ::archive_write_set_bytes_in_last_block(writer, 1);
  if (::archive_write_open_filename(writer, file.c_str()) != ARCHIVE_OK) std::abort();
  for (const TestMember& member : members) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, member.name.c_str());
    ::archive_entry_set_perm(entry, member.mode);
    ::archive_entry_set_filetype(entry, member.kind == Kind::folder    ? AE_IFDIR
                                        : member.kind == Kind::symlink ? AE_IFLNK
                                        : member.kind == Kind::fifo    ? AE_IFIFO
                                                                       : AE_IFREG);
    if (member.kind == Kind::symlink) ::archive_entry_set_symlink(entry, member.content.c_str());
    if (member.kind == Kind::hardlink) ::archive_entry_set_hardlink(entry, member.content.c_str());
    const bool file_like = member.kind == Kind::file;
    ::archive_entry_set_size(entry, file_like ? static_cast<la_int64_t>(member.content.size()) : 0);
    if (::archive_write_header(writer, entry) < ARCHIVE_WARN) std::abort();
    if (file_like) ::archive_write_data(writer, member.content.data(), member.content.size());
    ::archive_entry_free(entry);
  }
  if (::archive_write_close(writer) != ARCHIVE_OK) std::abort();
  ::archive_write_free(writer);
}

}  // namespace eidetic
