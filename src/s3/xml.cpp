#include "s3/xml.h"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/text.h"

namespace eidetic {
namespace {

// The root of that name, whatever its namespace's prefix; empty where the text is no XML, or something else.
pugi::xml_node root_of(pugi::xml_document& document, std::string_view xml, std::string_view name) {
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  const auto root = document.document_element();
  std::string_view named = root.name();
  if (const auto colon = named.find(':'); colon != std::string_view::npos) named.remove_prefix(colon + 1);
  return named == name ? root : pugi::xml_node();
}

std::unexpected<Error> no_answer(std::string_view what, std::string_view expected) {
  return fail(ErrorCode::corrupt, fmt::format("{}: the answer is no {} of S3", what, expected));
}

S3Failure failure_of(const pugi::xml_node& error) {
  return {error.child_value("Code"), error.child_value("Message"), error.child_value("Region")};
}

// Spaces are '+' where keys are encoded as form fields are.
Result<std::string> decoded_key(std::string key) {
  std::ranges::replace(key, '+', ' ');
  return percent_decode(key);
}

Result<S3Object> object_of(const pugi::xml_node& node, bool encoded) {
  S3Object object{.key = node.child_value("Key"), .etag = node.child_value("ETag")};
  if (encoded) {
    EIDETIC_TRY(object.key, decoded_key(std::move(object.key)));
  }
  const std::string_view size = node.child_value("Size");
  const auto read = std::from_chars(size.data(), size.data() + size.size(), object.size_bytes);
  if (object.key.empty() || read.ec != std::errc() || read.ptr != size.data() + size.size()) {
    return fail(ErrorCode::corrupt, "an object without key or size");
  }
  object.modified_s = parse_s3_time(node.child_value("LastModified"));
  return object;
}

}  // namespace

S3Failure parse_failure(std::string_view xml) {
  pugi::xml_document document;
  return failure_of(root_of(document, xml, "Error"));
}

Result<S3Page> parse_page(std::string_view xml, std::string_view what) {
  pugi::xml_document document;
  const auto root = root_of(document, xml, "ListBucketResult");
  if (!root) return no_answer(what, "list");
  const bool encoded = std::string_view(root.child_value("EncodingType")) == "url";
  S3Page page;
  for (const auto& node : root.children("Contents")) {
    auto object = object_of(node, encoded);
    if (!object) return fail(ErrorCode::corrupt, fmt::format("{}: {}", what, object.error().message));
    page.objects.push_back(*std::move(object));
  }
  if (std::string_view(root.child_value("IsTruncated")) == "true")
    page.next = root.child_value("NextContinuationToken");
  return page;
}

Result<std::string> parse_upload_id(std::string_view xml, std::string_view what) {
  pugi::xml_document document;
  std::string id = root_of(document, xml, "InitiateMultipartUploadResult").child_value("UploadId");
  if (id.empty()) return no_answer(what, "beginning of a multipart upload");
  return id;
}

Result<std::optional<S3Failure>> parse_completed(std::string_view xml, std::string_view what) {
  pugi::xml_document document;
  if (root_of(document, xml, "CompleteMultipartUploadResult")) return std::nullopt;
  auto failure = parse_failure(xml);
  if (failure.code.empty()) return no_answer(what, "end of a multipart upload");
  return failure;
}

std::string completing(std::span<const std::string> etags) {
  std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    xml += fmt::format("<Part><ETag>{}</ETag><PartNumber>{}</PartNumber></Part>", html_escaped(etags[i]), i + 1);
  }
  return xml + "</CompleteMultipartUpload>";
}

std::int64_t parse_s3_time(const std::string& text) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S"}) {
    std::tm parts{};
    if (::strptime(text.c_str(), form, &parts) != nullptr) return ::timegm(&parts);
  }
  return 0;
}

}  // namespace eidetic
