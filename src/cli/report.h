// How commands answer: the JSON shapes of docs/cli.md, and the lines for people.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/engine.h"
#include "eidetic/error.h"

#include "base/json.h"
#include "cli/session.h"
#include "server/wire.h"

namespace eidetic {

// One document and a line end on standard output.
void print_json(const Json& json);
// "eidetic: …" on standard error.
void print_note(std::string_view line);
// The error as a line on standard error and, with --json, as {"error": {"code", "message"}} on standard output. Gives
// the exit status that belongs to it.
int report_error(bool json, const Error& error);

// The first ten failed items and how many more there are, on standard error; nothing where there is none.
void print_item_errors(std::span<const ItemError> errors);
// A JSON value as people read it: strings bare, everything else as JSON.
[[nodiscard]] std::string cell_text(const Json& value);

}  // namespace eidetic
