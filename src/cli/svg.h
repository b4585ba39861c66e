// An SVG picture in the making. Well-formed XML whatever the texts hold; no scripts, nothing loaded from elsewhere.
#pragma once

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace eidetic {

// Of Paul Tol's "bright" and "muted" schemes, told apart with colour blindness too.
inline constexpr std::array<std::string_view, 10> kSvgColors = {"#4477AA", "#EE6677", "#228833", "#AA3377", "#CCBB44",
                                                                "#66CCEE", "#332288", "#882255", "#117733", "#777777"};

class Svg {
 public:
  static std::string escaped(std::string_view text);

  // `text` holds markup; what comes from outside goes through escaped().
  template <typename... Values>
  void add(fmt::format_string<Values...> text, Values&&... values) {
    fmt::format_to(std::back_inserter(body_), text, std::forward<Values>(values)...);
  }
  void add(const Svg& other) { body_ += other.body_; }
  // The document: a white ground, the title at the left top, then all that was added. Sizes in pixels.
  [[nodiscard]] std::string document(double width, double height, double left, std::string_view title) &&;

 private:
  std::string body_;
};

}  // namespace eidetic
