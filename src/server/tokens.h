// Who may do what: bearer tokens and their roles (RFC 6750).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eidetic {

// Each may do what the ones before it may.
enum class Role { none, read, write, admin };
[[nodiscard]] std::string_view to_string(Role role) noexcept;
// "read", "write" and "admin"; else nullopt.
[[nodiscard]] std::optional<Role> parse_role(std::string_view name) noexcept;

struct Token {
  std::string token;
  Role role = Role::admin;
  std::string name = {};  // for the access log; never the token itself
};

struct Caller {
  Role role = Role::none;
  std::string_view name = {};  // of its token; lives as long as the Tokens
};

// Immutable; thread-safe.
class Tokens {
 public:
  // No tokens at all: everybody is admin.
  explicit Tokens(std::span<const Token> tokens);

  // Who sends this Authorization header ("" where there is none). nullopt: no "Bearer" header, or a token that is not
  // known. Takes the same time for every token of the same length.
  [[nodiscard]] std::optional<Caller> identify(std::string_view authorization) const;
  [[nodiscard]] bool open() const noexcept { return entries_.empty(); }

 private:
  struct Entry {
    std::string digest;  // SHA-256 of the token, so that all have the same length and none stays in memory
    Role role;
    std::string name;
  };
  std::vector<Entry> entries_;
};

}  // namespace eidetic
