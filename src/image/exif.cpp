#include "image/exif.h"

#include <fmt/format.h>
#include <libexif/exif-data.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "image/decoders.h"

namespace eidetic {
namespace {

// Newer than the enumeration of libexif 0.6.24 may be.
constexpr int kOffsetTimeOriginal = 0x9011;
constexpr int kOffsetTimeDigitized = 0x9012;
constexpr int kLensModel = 0xa434;

constexpr std::size_t kMaxText = 1'000;  // bytes; no name of a camera or lens is that long

struct ExifUnref {
  void operator()(ExifData* data) const noexcept { exif_data_unref(data); }
};

// One of the directories of a block.
class Directory {
 public:
  Directory(const ExifData* data, ExifIfd which) noexcept
      : content_(data->ifd[which]), order_(exif_data_get_byte_order(const_cast<ExifData*>(data))) {}

  // The `i`-th number of a field; none where the field is not there, too short, or of another kind.
  [[nodiscard]] std::optional<double> number(int tag, std::size_t i = 0) const {
    const ExifEntry* const entry = find(tag);
    if (entry == nullptr) return std::nullopt;
    const std::size_t width = exif_format_get_size(entry->format);
    if (width == 0 || i >= entry->components || entry->size / width <= i) return std::nullopt;
    const unsigned char* const at = entry->data + i * width;
    switch (entry->format) {
      case EXIF_FORMAT_BYTE: return *at;
      case EXIF_FORMAT_SHORT: return exif_get_short(at, order_);
      case EXIF_FORMAT_LONG: return exif_get_long(at, order_);
      case EXIF_FORMAT_SLONG: return exif_get_slong(at, order_);
      case EXIF_FORMAT_RATIONAL: {
        const auto [above, below] = exif_get_rational(at, order_);
        return below == 0 ? std::nullopt : std::optional(static_cast<double>(above) / below);
      }
      case EXIF_FORMAT_SRATIONAL: {
        const auto [above, below] = exif_get_srational(at, order_);
        return below == 0 ? std::nullopt : std::optional(static_cast<double>(above) / below);
      }
      default: return std::nullopt;
    }
  }

  // Up to its first zero byte, without space around it; none where nothing is left. What is no UTF-8 is taken for
  // Latin-1.
  [[nodiscard]] std::optional<std::string> text(int tag) const {
    const ExifEntry* const entry = find(tag);
    if (entry == nullptr || (entry->format != EXIF_FORMAT_ASCII && entry->format != EXIF_FORMAT_UNDEFINED)) {
      return std::nullopt;
    }
    std::string_view raw(reinterpret_cast<const char*>(entry->data), entry->size);
    raw = trim(raw.substr(0, raw.find('\0')));
    if (raw.empty() || raw.size() > kMaxText) return std::nullopt;
    if (is_utf8(raw)) return std::string(raw);
    std::string text;
    for (const char c : raw) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80) {
        text += c;
      } else {
        text += static_cast<char>(0xc0 | byte >> 6);
        text += static_cast<char>(0x80 | (byte & 0x3f));
      }
    }
    return text;
  }

 private:
  [[nodiscard]] const ExifEntry* find(int tag) const {
    const ExifEntry* const entry = exif_content_get_entry(content_, static_cast<ExifTag>(tag));
    return entry == nullptr || entry->data == nullptr ? nullptr : entry;
  }

  ExifContent* content_;
  ExifByteOrder order_;
};

// The decimal number in digits [at, at + count) of a text; none where one is no digit.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "2024:05:17 14:03:22" as ISO 8601 writes it. Clocks that were never set say zeros or blanks.
std::optional<std::string> iso_time(std::string_view text) {
  constexpr std::size_t kLength = 19;
  if (text.size() != kLength) return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const auto within = [](const std::optional<int>& value, int least, int most) {
    return value && *value >= least && *value <= most;
  };
  if (!within(year, 1, 9999) || !within(month, 1, 12) || !within(day, 1, 31)) return std::nullopt;
  if (!within(hour, 0, 23) || !within(minute, 0, 59) || !within(second, 0, 60)) return std::nullopt;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", *year, *month, *day, *hour, *minute, *second);
}

bool is_zone(std::string_view text) {
  constexpr std::size_t kLength = 6;
  return text.size() == kLength && (text[0] == '+' || text[0] == '-') && digits(text, 1, 2) && text[3] == ':' &&
         digits(text, 4, 2);
}

std::optional<std::string> time_taken(const Directory& exif) {
  for (const auto& [time, zone] : {std::pair{int{EXIF_TAG_DATE_TIME_ORIGINAL}, kOffsetTimeOriginal},
                                   std::pair{int{EXIF_TAG_DATE_TIME_DIGITIZED}, kOffsetTimeDigitized}}) {
    const auto said = exif.text(time);
    auto taken = said ? iso_time(*said) : std::nullopt;
    if (!taken) continue;
    if (const auto offset = exif.text(zone); offset && is_zone(*offset)) *taken += *offset;
    return taken;
  }
  return std::nullopt;
}

// Degrees from degrees, minutes and seconds, to a centimetre.
std::optional<double> coordinate(const Directory& gps, int tag, int reference_tag, std::string_view directions,
                                 double most) {
  const auto reference = gps.text(reference_tag);
  const auto degrees = gps.number(tag);
  if (!reference || !degrees) return std::nullopt;
  const auto direction = directions.find(reference->front());
  if (direction == std::string_view::npos) return std::nullopt;
  const double value = *degrees + gps.number(tag, 1).value_or(0) / 60 + gps.number(tag, 2).value_or(0) / 3600;
  if (value < 0 || value > most) return std::nullopt;
  constexpr double kSteps = 1e7;
  const double rounded = std::round(value * kSteps) / kSteps;
  return direction == 0 || rounded == 0 ? rounded : -rounded;
}

Json place(const Directory& gps) {
  const auto latitude = coordinate(gps, EXIF_TAG_GPS_LATITUDE, EXIF_TAG_GPS_LATITUDE_REF, "NS", 90);
  const auto longitude = coordinate(gps, EXIF_TAG_GPS_LONGITUDE, EXIF_TAG_GPS_LONGITUDE_REF, "EW", 180);
  if (!latitude || !longitude) return nullptr;
  Json place = {{"latitude", *latitude}, {"longitude", *longitude}};
  if (const auto altitude = gps.number(EXIF_TAG_GPS_ALTITUDE); altitude && *altitude >= 0) {
    const bool below_sea = gps.number(EXIF_TAG_GPS_ALTITUDE_REF).value_or(0) == 1;
    place["altitude_m"] = below_sea && *altitude > 0 ? -*altitude : *altitude;
  }
  return place;
}

void read_block(Bytes block, bool with_place, Json& fields) {
  constexpr std::string_view kLead("Exif\0\0", 6);
  std::vector<unsigned char> bytes(kLead.begin(), kLead.end());
  const auto* const from = reinterpret_cast<const unsigned char*>(block.data());
  bytes.insert(bytes.end(), from, from + block.size());
  const std::unique_ptr<ExifData, ExifUnref> data(exif_data_new());
  if (!data) return;
  // As it is: nothing is put right or added, and fields that libexif does not know yet are kept.
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_IGNORE_UNKNOWN_TAGS);
  exif_data_load_data(data.get(), bytes.data(), static_cast<unsigned>(bytes.size()));

  const Directory camera(data.get(), EXIF_IFD_0), exif(data.get(), EXIF_IFD_EXIF), gps(data.get(), EXIF_IFD_GPS);
  const auto set = [&](const char* name, const auto& value) {
    if (value) fields[name] = *value;
  };
  const auto set_positive = [&](const char* name, int tag) {
    const auto value = exif.number(tag);
    if (value && *value > 0)
      fields[name] = *value == std::floor(*value) ? Json(static_cast<std::int64_t>(*value)) : Json(*value);
  };
  set("make", camera.text(EXIF_TAG_MAKE));
  set("model", camera.text(EXIF_TAG_MODEL));
  set("lens", exif.text(kLensModel));
  set("taken", time_taken(exif));
  set_positive("exposure_s", EXIF_TAG_EXPOSURE_TIME);
  set_positive("f_number", EXIF_TAG_FNUMBER);
  set_positive("iso", EXIF_TAG_ISO_SPEED_RATINGS);
  set_positive("focal_mm", EXIF_TAG_FOCAL_LENGTH);
  set_positive("focal_35mm", EXIF_TAG_FOCAL_LENGTH_IN_35MM_FILM);
  const auto orientation = camera.number(EXIF_TAG_ORIENTATION);
  if (orientation && *orientation >= 1 && *orientation <= 8) fields["orientation"] = static_cast<int>(*orientation);
  if (with_place) fields["gps"] = place(gps);
}

}  // namespace

Json read_exif(Bytes picture, bool with_place) {
  const Facts facts = read_facts(picture);
  Json fields = Json::object();
  if (with_place) fields["gps"] = nullptr;
  // What libexif takes in at once, and the most that a JPEG file can hold.
  constexpr std::size_t kMaxBlock = 65'527;
  if (!facts.exif.empty())
    read_block(Bytes(facts.exif).first(std::min(facts.exif.size(), kMaxBlock)), with_place, fields);
  if (facts.width > 0 && facts.height > 0) {
    const bool lying = facts.orientation >= 5 && facts.orientation <= 8;
    fields["width"] = lying ? facts.height : facts.width;
    fields["height"] = lying ? facts.width : facts.height;
  }
  return fields;
}

}  // namespace eidetic
