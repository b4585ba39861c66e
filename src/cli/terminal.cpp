#include "cli/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <vector>

#include "base/text.h"

namespace eidetic {
namespace {

// Bytes of the UTF-8 sequence that `text` begins with; 0 where it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return length <= text.size() && is_utf8(text.substr(0, length)) ? length : 0;
}

// C0 controls, DEL, and the C1 controls U+0080 to U+009F.
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return sequence.size() == 2 && first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

std::vector<std::string_view> sequences_of(std::string_view text) {
  std::vector<std::string_view> sequences;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, sequence_length(text));
    sequences.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return sequences;
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::size_t terminal_width(int descriptor) {
  if (!is_terminal(descriptor)) return 0;
  winsize size = {};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int given = columns == nullptr ? 0 : std::atoi(columns);
  return given > 0 ? static_cast<std::size_t>(given) : 80;
}

bool locale_is_utf8() {
  static const bool utf8 = [] {
    std::setlocale(LC_CTYPE, "");
    return std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  }();
  return utf8;
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0 || is_control(text.substr(0, length))) {
      clean += '?';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return clean;
}

std::string shorten(std::string_view text, std::size_t width, Cut cut, std::string_view mark) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  auto sequences = sequences_of(text);
  if (cut == Cut::head) std::ranges::reverse(sequences);
  std::size_t used = 1;
  std::size_t kept = 0;
  for (const auto sequence : sequences) {
    used += display_width(sequence);
    if (used > width) break;
    kept += sequence.size();
  }
  return cut == Cut::tail ? std::string(text.substr(0, kept)).append(mark)
                          : std::string(mark).append(text.substr(text.size() - kept));
}

std::string pad(std::string_view text, std::size_t width, bool right_aligned) {
  const std::size_t own = display_width(text);
  const std::string space(own < width ? width - own : 0, ' ');
  return right_aligned ? space + std::string(text) : std::string(text) + space;
}

}  // namespace eidetic
