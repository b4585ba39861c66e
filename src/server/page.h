// The files of the page (web), as its build made them and embed_page.py has put them into the program.
#pragma once

#include <span>
#include <string_view>

namespace eidetic {

struct PageFile {
  std::string_view name;        // "index.html", or "assets/…" with a hash of its content in the name
  std::string_view media_type;  // with its charset
  std::string_view hash;        // SHA-256 of the content, the first 16 hex digits
  std::string_view content;
  std::string_view gzip;  // the same compressed; empty where that saves nothing
};

[[nodiscard]] std::span<const PageFile> page_files();

}  // namespace eidetic
