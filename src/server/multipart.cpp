#include "server/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/text.h"
#include "server/uri.h"

namespace eidetic {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046, section 5.1.1

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

// `"a\"b"; rest`: the text inside of the quotes, which are then gone from `text`. A backslash stands for itself but
// before a quote or another one: some programs send paths of Windows. nullopt: the quote never ends.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    const bool escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    if (escape) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// A header's value with its parameters: form-data; name="a"; filename="b"
struct HeaderValue {
  std::string value;                              // in lower case
  std::map<std::string, std::string> parameters;  // names in lower case
};

Result<HeaderValue> parse_header_value(std::string_view text, const std::string& where) {
  HeaderValue parsed;
  const auto semicolon = text.find(';');
  parsed.value = to_lower(trim(text.substr(0, semicolon)));
  text.remove_prefix(std::min(semicolon, text.size()));
  while (!(text = trim(text)).empty()) {
    if (text.front() != ';') return refuse(fmt::format("{}: a ';' is missing between two parameters", where));
    text = trim(text.substr(1));
    if (text.empty()) break;
    const auto equals = text.find_first_of("=;");
    if (equals == std::string_view::npos || text[equals] == ';') {
      return refuse(fmt::format("{}: a parameter without '='", where));
    }
    const std::string name = to_lower(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    std::string value;
    if (text.starts_with('"')) {
      auto quoted = take_quoted(text);
      if (!quoted) return refuse(fmt::format("{}: the quote of '{}' never ends", where, name));
      value = *std::move(quoted);
    } else {
      const std::string_view word = text.substr(0, text.find(';'));
      value = trim(word);
      text.remove_prefix(word.size());
    }
    if (!parsed.parameters.emplace(name, std::move(value)).second) {
      return refuse(fmt::format("{}: '{}' is given twice", where, name));
    }
  }
  return parsed;
}

// filename*=UTF-8'de'%C3%A4.jpg (RFC 5987)
Result<std::string> decode_extended(std::string_view text, const std::string& where) {
  const auto charset_end = text.find('\'');
  const auto language_end = charset_end == std::string_view::npos ? charset_end : text.find('\'', charset_end + 1);
  if (language_end == std::string_view::npos || to_lower(text.substr(0, charset_end)) != "utf-8") {
    return refuse(fmt::format("{}: filename* is not of the form UTF-8''name", where));
  }
  return percent_decode(text.substr(language_end + 1), fmt::format("{}: filename*", where));
}

Result<std::string> boundary_of(std::string_view content_type) {
  EIDETIC_TRY(const auto header, parse_header_value(content_type, "Content-Type"));
  if (header.value != "multipart/form-data") {
    return refuse(fmt::format("the content type is '{}' and not multipart/form-data", header.value));
  }
  const auto boundary = header.parameters.find("boundary");
  if (boundary == header.parameters.end() || boundary->second.empty()) {
    return refuse("the content type multipart/form-data has no boundary");
  }
  const auto printable = [](char letter) { return letter >= ' ' && letter <= '~'; };
  if (boundary->second.size() > kMaxBoundary || !std::ranges::all_of(boundary->second, printable)) {
    return refuse(fmt::format("the boundary of the form is no text of 1 to {} characters", kMaxBoundary));
  }
  return boundary->second;
}

Result<void> read_disposition(FormPart& part, std::string_view value, const std::string& where) {
  EIDETIC_TRY(auto header, parse_header_value(value, where));
  if (header.value != "form-data") {
    return refuse(fmt::format("{}: Content-Disposition is '{}' and not form-data", where, header.value));
  }
  const auto name = header.parameters.find("name");
  if (name == header.parameters.end()) return refuse(where + ": Content-Disposition has no name");
  part.name = name->second;
  part.filename = header.parameters["filename"];
  if (const auto extended = header.parameters.find("filename*"); extended != header.parameters.end()) {
    EIDETIC_TRY(part.filename, decode_extended(extended->second, where));
  }
  for (const std::string& text : {part.name, part.filename}) {
    if (!is_utf8(text) || text.contains('\0')) return refuse(where + ": a name is not UTF-8, or has a zero byte");
  }
  return {};
}

Result<FormPart> parse_headers(std::string_view block, const std::string& where) {
  FormPart part{.name = {}, .content_type = "text/plain"};
  bool named = false;
  while (!block.empty()) {
    const auto end = block.find(kLineEnd);
    const std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + kLineEnd.size());
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' || line.front() == '\t') {
      return refuse(fmt::format("{} has a line among its headers that is none", where));
    }
    const std::string name = to_lower(trim(line.substr(0, colon)));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-disposition") {
      if (named) return refuse(where + " has two headers Content-Disposition");
      EIDETIC_CHECK(read_disposition(part, value, where));
      named = true;
    } else if (name == "content-type") {
      part.content_type = value;
    } else if (name == "content-transfer-encoding") {
      constexpr std::array<std::string_view, 3> kPlain = {"7bit", "8bit", "binary"};
      if (std::ranges::find(kPlain, to_lower(value)) == kPlain.end()) {
        return refuse(
            fmt::format("{} has the Content-Transfer-Encoding '{}'; send the bytes as they are", where, value));
      }
    }
  }
  if (!named) return refuse(where + " has no header Content-Disposition");
  return part;
}

// Reads a body from delimiter to delimiter.
class FormReader {
 public:
  FormReader(std::string_view boundary, std::string_view body)
      : delimiter_(fmt::format("\r\n--{}", boundary)), body_(body) {}

  Result<std::vector<FormPart>> read() {
    // The first delimiter may stand at the very start, without the line end that is a part of it elsewhere.
    if (body_.starts_with(std::string_view(delimiter_).substr(kLineEnd.size()))) {
      position_ = delimiter_.size() - kLineEnd.size();
      if (!follow()) position_ = 0;
    }
    if (position_ == 0 && !next_delimiter(0)) return refuse("the body of the form does not have its boundary");
    std::vector<FormPart> parts;
    while (!closed_) {
      if (parts.size() == kMaxFormParts) {
        return fail(ErrorCode::overloaded, fmt::format("the form has more than {} parts", kMaxFormParts));
      }
      const std::string where = fmt::format("part {} of the form", parts.size() + 1);
      EIDETIC_TRY(auto part, read_part(where));
      parts.push_back(std::move(part));
    }
    return parts;
  }

 private:
  // What follows a boundary makes it a delimiter: the end of its line, or "--" where it is the last. Steps over it.
  bool follow() {
    const std::string_view rest = body_.substr(position_);
    closed_ = rest.starts_with("--");
    if (closed_) return true;
    const auto padding = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (!rest.substr(padding).starts_with(kLineEnd)) return false;
    position_ += padding + kLineEnd.size();
    return true;
  }

  // Moves behind the first delimiter at or after `from`, whose own place is then in delimiter_at_.
  bool next_delimiter(std::size_t from) {
    for (auto at = body_.find(delimiter_, from); at != std::string_view::npos; at = body_.find(delimiter_, at + 1)) {
      position_ = at + delimiter_.size();
      delimiter_at_ = at;
      if (follow()) return true;
    }
    return false;
  }

  Result<FormPart> read_part(const std::string& where) {
    const std::string_view rest = body_.substr(position_);
    std::size_t block = 0;  // of headers; none at all where an empty line comes first
    if (!rest.starts_with(kLineEnd)) {
      const auto end = rest.substr(0, kMaxPartHeaderBytes + 2 * kLineEnd.size()).find("\r\n\r\n");
      if (end == std::string_view::npos && rest.size() > kMaxPartHeaderBytes) {
        return fail(ErrorCode::overloaded,
                    fmt::format("{} has more than {} bytes of headers", where, kMaxPartHeaderBytes));
      }
      if (end == std::string_view::npos) return refuse(where + " ends within its headers");
      block = end + kLineEnd.size();
    }
    EIDETIC_TRY(auto part, parse_headers(rest.substr(0, block), where));
    const std::size_t content = position_ + block + kLineEnd.size();
    // The line end before an empty content may be the delimiter's own.
    if (!next_delimiter(content - kLineEnd.size())) {
      return refuse(fmt::format("{} ('{}') does not end: the body is cut off, or its last boundary is missing", where,
                                part.name));
    }
    if (delimiter_at_ > content) part.body = body_.substr(content, delimiter_at_ - content);
    return part;
  }

  std::string delimiter_;
  std::string_view body_;
  std::size_t position_ = 0, delimiter_at_ = 0;
  bool closed_ = false;
};

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body) {
  EIDETIC_TRY(const auto boundary, boundary_of(content_type));
  return FormReader(boundary, body).read();
}

const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name) noexcept {
  const auto found = std::ranges::find(parts, name, &FormPart::name);
  return found == parts.end() ? nullptr : &*found;
}

}  // namespace eidetic
