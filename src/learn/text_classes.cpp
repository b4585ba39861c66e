#include "learn/text_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/csv.h"
#include "base/text.h"
#include "index/vector_math.h"

namespace eidetic {
namespace {

constexpr std::string_view kNameColumn = "category";

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

// Where a table has what.
struct Columns {
  std::size_t first = 0;  // of the numbers
  std::size_t dimensions = 0;
  std::size_t name = 0;
};

Result<Columns> find_columns(std::span<const std::string> header, std::string_view what) {
  Columns columns;
  columns.first = trim(header.front()).empty() ? 1 : 0;
  columns.name = header.size() - 1;
  const auto fits = [&](std::size_t i) { return trim(header[i]) == std::to_string(i - columns.first); };
  while (columns.first + columns.dimensions < columns.name && fits(columns.first + columns.dimensions)) {
    ++columns.dimensions;
  }
  const std::size_t end = columns.first + columns.dimensions;
  if (columns.dimensions == 0 || end != columns.name || trim(header.back()) != kNameColumn) {
    const std::size_t wrong = std::min(end, header.size() - 1);
    return refuse(fmt::format("{}: line 1 must be '0,1,…,{}', a column a dimension; column {} is '{}'", what,
                              kNameColumn, wrong + 1, header[wrong]));
  }
  if (columns.dimensions > kMaxClassifierInputs) {
    return refuse(
        fmt::format("{}: {} dimensions, up to {} are possible", what, columns.dimensions, kMaxClassifierInputs));
  }
  return columns;
}

std::optional<float> to_number(std::string_view field) {
  field = trim(field);
  if (field.starts_with('+')) field.remove_prefix(1);
  float value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

Result<Classifier> text_classes(const ClassEmbeddings& classes, double temperature) {
  const auto dimensions = classes.vectors.columns();
  if (classes.vectors.rows() != classes.names.size() || dimensions == 0) {
    return refuse(fmt::format("{} names of classes and {} vectors: one each is needed", classes.names.size(),
                              classes.vectors.rows()));
  }
  Matrix units = classes.vectors;
  for (std::size_t i = 0; i < units.rows(); ++i) {
    const auto what = fmt::format("the vector of class '{}'", classes.names[i]);
    EIDETIC_TRY(const double norm,
                checked_norm(units[i], static_cast<std::uint32_t>(dimensions), Metric::cosine, what));
    to_unit(units[i], norm);
  }
  const HeadShape shape{.inputs = dimensions, .classes = classes.names.size()};
  std::vector<float> parameters(units.values().begin(), units.values().end());
  parameters.resize(shape.parameters());
  return Classifier::make({.kind = ClassifierKind::text,
                           .names = classes.names,
                           .shape = shape,
                           .parameters = std::move(parameters),
                           .unit = true,
                           .temperature = temperature});
}

Result<ClassEmbeddings> parse_class_csv(std::string_view text, std::string_view what) {
  EIDETIC_TRY(const CsvTable table, parse_csv(text, what));
  EIDETIC_TRY(const Columns columns, find_columns(table.header, what));
  if (table.rows.empty()) return refuse(fmt::format("{} has no classes: only a header line", what));
  if (table.rows.size() > kMaxClasses) {
    return refuse(fmt::format("{}: {} classes, up to {} are possible", what, table.rows.size(), kMaxClasses));
  }
  ClassEmbeddings classes{.names = {}, .vectors = Matrix(table.rows.size(), columns.dimensions)};
  std::unordered_map<std::string, std::size_t> lines;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto& fields = table.rows[row];
    const std::size_t line = table.lines[row];
    std::string name(trim(fields[columns.name]));
    if (name.empty()) return refuse(fmt::format("{}: line {} has no {}", what, line, kNameColumn));
    const auto [before, added] = lines.emplace(name, line);
    if (!added)
      return refuse(fmt::format("{}: line {} is of class '{}', as line {} is", what, line, name, before->second));
    for (std::size_t i = 0; i < columns.dimensions; ++i) {
      const std::string& field = fields[columns.first + i];
      const auto value = to_number(field);
      if (!value) {
        return refuse(
            fmt::format("{}: line {}, column '{}': '{}' is no finite number", what, line, i, field.substr(0, 40)));
      }
      classes.vectors[row][i] = *value;
    }
    classes.names.push_back(std::move(name));
  }
  return classes;
}

std::string class_csv(const ClassEmbeddings& classes) {
  std::string text;
  for (std::size_t i = 0; i < classes.vectors.columns(); ++i) text += fmt::format("{},", i);
  text += kNameColumn;
  text += '\n';
  for (std::size_t row = 0; row < classes.names.size(); ++row) {
    for (const float value : classes.vectors[row]) text += fmt::format("{},", value);
    text += csv_field(classes.names[row]);
    text += '\n';
  }
  return text;
}

}  // namespace eidetic
