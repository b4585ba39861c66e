// Query parameters and form fields, read one by one with errors that name them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eidetic/error.h"

namespace eidetic {

class Parameters {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;
  // `values` must outlive this.
  explicit Parameters(const Values& values) : values_(values) {}

  // nullopt where the parameter is not given. Another type, or outside of the range: invalid_argument.
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] Result<std::optional<double>> number(std::string_view name, double least, double most);
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least,
                                                            std::int64_t most);
  [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view name);  // true or false
  // invalid_argument for a parameter that was never read, with the nearest known name.
  [[nodiscard]] Result<void> finish() const;

 private:
  const Values& values_;
  std::vector<std::string> known_;
};

}  // namespace eidetic
