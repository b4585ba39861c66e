// decode_image: which decoder a picture's first bytes ask for, the limits, and the turn to upright.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "eidetic/image.h"

#include "base/text.h"
#include "image/decoders.h"
#include "image/encode.h"
#include "image/orient.h"

namespace eidetic {
namespace {

using namespace std::string_view_literals;

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool is_jpeg(std::string_view head) { return head.starts_with("\xff\xd8\xff"); }
bool is_png(std::string_view head) { return head.starts_with("\x89PNG\r\n\x1a\n"); }
bool is_webp(std::string_view head) {
  return head.size() >= 12 && head.starts_with("RIFF") && head.substr(8, 4) == "WEBP";
}
bool is_gif(std::string_view head) { return head.starts_with("GIF87a") || head.starts_with("GIF89a"); }
bool is_tiff(std::string_view head) {
  return head.starts_with("II*\0"sv) || head.starts_with("MM\0*"sv) || head.starts_with("II+\0"sv) ||
         head.starts_with("MM\0+"sv);
}
bool is_bmp(std::string_view head) { return head.starts_with("BM"); }
bool is_pnm(std::string_view head) {
  return head.size() > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' && std::strchr(" \t\r\n#", head[2]);
}
// ISO base media files name their brand after "ftyp".
bool has_brand(std::string_view head, std::initializer_list<std::string_view> brands) {
  return head.size() >= 12 && head.substr(4, 4) == "ftyp" &&
         std::ranges::find(brands, head.substr(8, 4)) != brands.end();
}
bool is_heif(std::string_view head) {
  return has_brand(head, {"avif", "avis", "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"});
}

struct Format {
  bool (*sniff)(std::string_view head);
  Decoder decode;
  FactsReader facts;
  std::string_view media_type;
};
constexpr std::array kFormats = {
    Format{is_jpeg, decode_jpeg, jpeg_facts, "image/jpeg"},
    Format{is_png, decode_png, png_facts, "image/png"},
    Format{is_webp, decode_webp, webp_facts, "image/webp"},
    Format{is_gif, decode_gif, gif_facts, "image/gif"},
    Format{is_tiff, decode_tiff, tiff_facts, "image/tiff"},
    Format{is_heif, decode_heif, heif_facts, "image/heif"},
    Format{is_bmp, decode_bmp, bmp_facts, "image/bmp"},
    Format{is_pnm, decode_pnm, pnm_facts, "image/x-portable-anymap"},
};

// Pictures that are refused by name rather than as no picture at all.
struct Unread {
  std::string_view name;
  bool (*sniff)(std::string_view head);
};
constexpr std::array kUnread = {
    Unread{"JPEG XL",
           [](std::string_view head) {
             return head.starts_with("\xff\x0a") || head.starts_with("\0\0\0\x0cJXL \r\n\x87\n"sv);
           }},
    Unread{"JPEG 2000",
           [](std::string_view head) {
             return head.starts_with("\0\0\0\x0cjP  \r\n\x87\n"sv) || head.starts_with("\xff\x4f\xff\x51");
           }},
    Unread{"SVG",
           [](std::string_view head) {
             return head.starts_with("<svg") ||
                    (head.starts_with("<?xml") && head.substr(0, 1024).find("<svg") != std::string_view::npos);
           }},
    Unread{"PDF", [](std::string_view head) { return head.starts_with("%PDF-"); }},
    Unread{"Photoshop", [](std::string_view head) { return head.starts_with("8BPS"); }},
    Unread{"icon (ICO)", [](std::string_view head) { return head.starts_with("\0\0\1\0"sv); }},
    Unread{"PNM variant", [](std::string_view head) { return head.starts_with("P7\n") || head.starts_with("PF\n"); }},
    Unread{"OpenEXR", [](std::string_view head) { return head.starts_with("\x76\x2f\x31\x01"); }},
};

constexpr std::string_view kReadFormats = "JPEG, PNG, WebP, GIF, TIFF, BMP, PNM, HEIF and AVIF are read";

std::unexpected<Error> no_picture(std::string_view head) {
  for (const Unread& format : kUnread) {
    if (!format.sniff(head)) continue;
    return fail(ErrorCode::unsupported, fmt::format("{} pictures are not read ({})", format.name, kReadFormats));
  }
  return fail(ErrorCode::invalid_argument, fmt::format("not a picture: {}", kReadFormats));
}

}  // namespace

Result<void> check_size(std::string_view format, std::int64_t width, std::int64_t height,
                        const DecodeOptions& options) {
  if (width < 1 || height < 1) {
    return fail(ErrorCode::corrupt, fmt::format("the {} header claims {} x {} pixels", format, width, height));
  }
  if (static_cast<std::uint64_t>(width) > options.max_pixels / static_cast<std::uint64_t>(height)) {
    return fail(ErrorCode::overloaded, fmt::format("{} x {} pixels are over the limit of {} in all (max_pixels)", width,
                                                   height, options.max_pixels));
  }
  return {};
}

Facts read_facts(Bytes bytes) {
  const std::string_view head = as_text(bytes);
  const auto* format = std::ranges::find_if(kFormats, [&](const Format& each) { return each.sniff(head); });
  return format == kFormats.end() ? Facts{} : format->facts(bytes);
}

std::vector<std::byte> exif_block(Bytes bytes) {
  constexpr auto kLead = "Exif\0\0"sv;
  if (as_text(bytes).starts_with(kLead)) bytes = bytes.subspan(kLead.size());
  bytes = bytes.first(std::min(bytes.size(), kMaxExif));
  return {bytes.begin(), bytes.end()};
}

std::string_view media_type_of(Bytes bytes) {
  constexpr std::size_t kHead = 64;
  const auto head = as_text(bytes.first(std::min(bytes.size(), kHead)));
  if (has_brand(head, {"avif", "avis"})) return "image/avif";
  const auto* found = std::ranges::find_if(kFormats, [&](const Format& format) { return format.sniff(head); });
  return found == kFormats.end() ? "application/octet-stream" : found->media_type;
}

Result<Image> decode_image(Bytes bytes, const DecodeOptions& options) {
  if (bytes.empty()) return fail(ErrorCode::invalid_argument, "not a picture: no bytes at all");
  if (bytes.size() > options.max_bytes) {
    return fail(ErrorCode::overloaded, fmt::format("{} are over the limit of {} (max_bytes)", human_bytes(bytes.size()),
                                                   human_bytes(options.max_bytes)));
  }
  const std::string_view head = as_text(bytes);
  const auto* format = std::ranges::find_if(kFormats, [&](const Format& each) { return each.sniff(head); });
  if (format == kFormats.end()) return no_picture(head);
  EIDETIC_TRY(Decoded decoded, format->decode(bytes, options));
  if (!options.apply_orientation) return std::move(decoded.image);
  return orient(std::move(decoded.image), decoded.orientation);
}

}  // namespace eidetic
