#include "cli/terms.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/text.h"

namespace eidetic {
namespace {

constexpr std::string_view kIdPrefix = "id:";

// A decimal number that is all of `text`, finite and not below 0.
std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

bool is_file(const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists(name, ignored);
}

bool is_uri(std::string_view word) {
  for (const std::string_view scheme : {"http://", "https://", "file:", "s3://", "data:"}) {
    if (to_lower(word.substr(0, scheme.size())) == scheme) return true;
  }
  return false;
}

// What `word`, freed from its weight, names.
Result<Term> bare_term(std::string_view word, double weight) {
  Term term;
  term.weight = weight;
  term.value = word;
  std::error_code ignored;
  if (word.starts_with(kIdPrefix)) {
    term.kind = Term::Kind::id;
    term.value = word.substr(kIdPrefix.size());
  } else if (is_uri(word)) {
    term.kind = Term::Kind::picture;
  } else if (std::filesystem::is_directory(term.value, ignored)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is a folder; a search term is one picture", word));
  } else if (is_file(term.value)) {
    term.kind = Term::Kind::picture;
  } else {
    term.kind = Term::Kind::text;
  }
  if (trim(term.value).empty())
    return fail(ErrorCode::invalid_argument, fmt::format("search term '{}' is empty", word));
  return term;
}

Result<Term> parse_term(const std::string& word, bool minus) {
  const double sign = minus ? -1 : 1;
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos || is_file(word)) return bare_term(word, sign);
  const auto weight = parse_number(std::string_view(word).substr(0, colon));
  if (!weight) return bare_term(word, sign);
  if (*weight == 0) return fail(ErrorCode::invalid_argument, fmt::format("the weight of '{}' is zero", word));
  return bare_term(std::string_view(word).substr(colon + 1), sign * *weight);
}

}  // namespace

Result<std::vector<Term>> parse_terms(std::span<const std::string> words) {
  std::vector<Term> terms;
  std::string_view sign;
  std::string_view before;
  for (const std::string& word : words) {
    if (word == "+" || word == "-") {
      if (!sign.empty()) {
        return fail(ErrorCode::invalid_argument, fmt::format("no search term between '{}' and '{}'", sign, word));
      }
      sign = word;
      continue;
    }
    if (sign.empty() && !terms.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'+' or '-' is missing between the search terms '{}' and '{}' (several words of text are "
                              "one term in quotes)",
                              before, word));
    }
    EIDETIC_TRY(Term term, parse_term(word, sign == "-"));
    terms.push_back(std::move(term));
    before = word;
    sign = {};
  }
  if (!sign.empty()) return fail(ErrorCode::invalid_argument, fmt::format("no search term after '{}'", sign));
  if (terms.empty()) return fail(ErrorCode::invalid_argument, "no search term");
  return terms;
}

Result<Crop> parse_crop(std::string_view text) {
  const auto parts = split(text, ',');
  std::vector<double> numbers;
  for (const auto part : parts) {
    if (const auto number = parse_number(trim(part))) numbers.push_back(*number);
  }
  if (parts.size() != 4 || numbers.size() != 4 || numbers[2] == 0 || numbers[3] == 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--crop is X,Y,W,H in pixels, or in fractions of the picture; '{}' is not", text));
  }
  return Crop{.x = numbers[0], .y = numbers[1], .width = numbers[2], .height = numbers[3]};
}

}  // namespace eidetic
