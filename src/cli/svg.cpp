#include "cli/svg.h"

namespace eidetic {

std::string Svg::escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

std::string Svg::document(double width, double height, double left, std::string_view title) && {
  const std::string name = escaped(title);
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
             "height=\"{1:.0f}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" "
             "fill=\"#333\">\n<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
             "<text x=\"{3}\" y=\"30\" font-size=\"16\" font-weight=\"600\" fill=\"#111\">{2}</text>\n",
             width, height, name, left) +
         std::move(body_) + "</svg>\n";
}

}  // namespace eidetic
