#include "cli/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/terminal.h"

namespace eidetic {
namespace {

constexpr std::size_t kErrorsShown = 10;

// Messages are one line, whatever a file name holds.
std::string one_line(std::string_view text) { return printable(text); }

}  // namespace

void print_json(const Json& json) { fmt::print("{}\n", dump_json(json)); }

void print_note(std::string_view line) { fmt::print(stderr, "eidetic: {}\n", one_line(line)); }

int report_error(bool json, const Error& error) {
  if (json) print_json({{"error", to_json(error)}});
  print_note(error.message);
  return error.code == ErrorCode::invalid_argument ? kBadArguments : kFailed;
}

void print_item_errors(std::span<const ItemError> errors) {
  for (const ItemError& item : errors.first(std::min(errors.size(), kErrorsShown))) {
    // Most messages name their picture themselves.
    const std::string name = item.uri.substr(item.uri.find_last_of('/') + 1);
    const bool named = item.error.message.find(name) != std::string::npos;
    fmt::print(stderr, "  {}\n", one_line(named ? item.error.message : item.uri + ": " + item.error.message));
  }
  if (errors.size() > kErrorsShown) fmt::print(stderr, "  and {} more\n", errors.size() - kErrorsShown);
}

std::string cell_text(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>() : dump_json(value);
}

}  // namespace eidetic
