// Expected failures are values: every fallible function of Eidetic returns Result<T>. Nothing here throws.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace eidetic {

// Stable: the names below (to_string) are what the command line and HTTP print.
enum class ErrorCode {
  invalid_argument,  // the caller's input is wrong; the message says what would be right
  not_found,         // no such file, collection, item, model or layer
  already_exists,    // creating what is there already
  unsupported,       // valid, but not something this build or this machine does
  corrupt,           // stored or supplied bytes that cannot be what they claim to be
  unavailable,       // the outside world fails: disk full, network down, folder locked by another process
  overloaded,        // a named limit is reached; the same call may succeed later
  unreachable,       // a service that keeps pictures or collections does not answer, or cannot do it now; try again
  conflict,  // what is stored there is of another shape or version than this build knows, or was changed by others
  internal,  // a fault of Eidetic
};

[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // one sentence that names the input and, where there is one, the way out
};

template <typename T>
using Result = std::expected<T, Error>;

// return fail(ErrorCode::not_found, "no collection 'shoes'");
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace eidetic

// EIDETIC_TRY(auto bytes, read_file(path)): declares `bytes`, or returns the error from the enclosing function.
// EIDETIC_CHECK(sync(file)): for Result<void>, and where the value does not matter.
#define EIDETIC_CONCAT_(a, b) a##b
#define EIDETIC_CONCAT(a, b) EIDETIC_CONCAT_(a, b)
#define EIDETIC_TRY_(result, declaration, expression)             \
  auto result = (expression);                                     \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)
#define EIDETIC_TRY(declaration, ...) EIDETIC_TRY_(EIDETIC_CONCAT(try_result_, __LINE__), declaration, (__VA_ARGS__))
#define EIDETIC_CHECK(...)                                     \
  do {                                                         \
    if (auto check_result = (__VA_ARGS__); !check_result) {    \
      return std::unexpected(std::move(check_result).error()); \
    }                                                          \
  } while (false)
