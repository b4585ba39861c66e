#include "image/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "image/preprocess_plan.h"

namespace eidetic {
namespace {

constexpr std::int64_t kMaxPixels = 100'000'000;               // of what one step makes for the next
constexpr std::size_t kMaxBufferBytes = std::size_t{1} << 28;  // of rows kept between the passes

struct Size {
  std::int32_t width = 0;
  std::int32_t height = 0;
  bool operator==(const Size&) const = default;
};

// What every step comes down to, for a picture of known size: resize it to `resized`, cut out the window at (x, y), and
// lay that at (left, top) on a canvas.
struct Placement {
  Size resized;
  Resampling resampling;
  std::int32_t x = 0, y = 0;
  Size window;
  std::int32_t left = 0, top = 0;
  Size canvas;
  Color color{};

  [[nodiscard]] bool padded() const noexcept { return window != canvas; }
};

struct View {
  const std::uint8_t* pixels = nullptr;
  Size size;

  [[nodiscard]] std::size_t stride() const noexcept { return std::size_t{3} * size.width; }
  [[nodiscard]] const std::uint8_t* row(std::int32_t y) const noexcept { return pixels + y * stride(); }
};

}  // namespace

struct PreprocessBuffers {
  std::vector<Placement> placements;
  AxisWeights across, down;
  std::vector<std::uint8_t> last_row;  // a copy of the picture's last row, with room for the horizontal pass to read on
  std::vector<std::uint8_t> rows;      // horizontally resampled
  std::vector<std::uint8_t> canvas_row, color_row;
  std::array<std::vector<std::uint8_t>, 2> pictures;  // between steps, in turns
};

namespace {

Result<Size> short_side_size(const GeometryStep& step, Size from) {
  const double size = step.width;
  const auto [narrow, wide] = std::minmax(from.width, from.height);
  const double longer = step.truncate ? std::floor(size * wide / narrow) : std::nearbyint(wide * (size / narrow));
  if (longer * size > 1e12 || longer > 1e9) {
    return fail(ErrorCode::overloaded, fmt::format("a picture of {} x {} is too long for resize_short_side to {}",
                                                   from.width, from.height, step.width));
  }
  const auto length = static_cast<std::int32_t>(longer);
  return from.width <= from.height ? Size{step.width, length} : Size{length, step.width};
}

Size letterbox_size(const GeometryStep& step, Size from) {
  const double ratio =
      std::min(static_cast<double>(step.width) / from.width, static_cast<double>(step.height) / from.height);
  const auto fit = [&](std::int32_t side, std::int32_t limit) {
    return std::clamp(static_cast<std::int32_t>(std::nearbyint(side * ratio)), 1, limit);
  };
  return {fit(from.width, step.width), fit(from.height, step.height)};
}

Placement on_canvas(const GeometryStep& step, Size resized) {
  Placement placement;
  placement.resized = resized;
  placement.resampling = step.resampling;
  placement.canvas = {step.width, step.height};
  placement.window = {std::min(resized.width, step.width), std::min(resized.height, step.height)};
  placement.x = (resized.width - placement.window.width) / 2;
  placement.y = (resized.height - placement.window.height) / 2;
  placement.left = (step.width - placement.window.width) / 2;
  placement.top = (step.height - placement.window.height) / 2;
  placement.color = step.color.value_or(Color{});
  return placement;
}

Result<Placement> place(const GeometryStep& step, Size from) {
  switch (step.kind) {
    case GeometryStep::Kind::resize: return on_canvas(step, {step.width, step.height});
    case GeometryStep::Kind::letterbox: return on_canvas(step, letterbox_size(step, from));
    case GeometryStep::Kind::center_crop: break;
    case GeometryStep::Kind::short_side: {
      EIDETIC_TRY(const Size size, short_side_size(step, from));
      GeometryStep fixed = step;
      fixed.width = size.width;
      fixed.height = size.height;
      return on_canvas(fixed, size);
    }
  }
  if (!step.color && (from.width < step.width || from.height < step.height)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("center_crop of {} x {} is larger than the picture of {} x {}, and the model gives no 'pad'",
                    step.width, step.height, from.width, from.height));
  }
  return on_canvas(step, from);
}

// The steps for a picture of this size, a crop taken together with the resize before it.
Result<void> place_all(const std::vector<GeometryStep>& steps, Size size, std::vector<Placement>& placements) {
  placements.clear();
  for (const GeometryStep& step : steps) {
    EIDETIC_TRY(Placement placement, place(step, size));
    if (!placements.empty() && !placements.back().padded() && placement.resized == size) {
      const Placement& before = placements.back();
      placement.resized = before.resized;
      placement.resampling = before.resampling;
      placement.x += before.x;
      placement.y += before.y;
      placements.pop_back();
    }
    size = placement.canvas;
    placements.push_back(placement);
  }
  for (std::size_t i = 0; i + 1 < placements.size(); ++i) {
    const Size canvas = placements[i].canvas;
    if (std::int64_t{canvas.width} * canvas.height > kMaxPixels) {
      return fail(ErrorCode::overloaded, fmt::format("the picture's aspect makes preprocessing produce {} x {} pixels",
                                                     canvas.width, canvas.height));
    }
  }
  return {};
}

// The rows of the window before the vertical pass, made a few at a time just before they are needed.
class HorizontalPass {
 public:
  // `resample`: false where the width stays and rows are taken as they are.
  HorizontalPass(View in, const Placement& placement, bool resample, PreprocessBuffers& buffers)
      : in_(in), resample_(resample), buffers_(&buffers), next_(resample ? 0 : in.size.height) {
    if (!resample) {
      stride_ = in.stride();
      base_ = in.pixels + std::size_t{3} * placement.x;
      return;
    }
    stride_ = std::size_t{3} * placement.window.width + 1;
    buffers.last_row.assign(in.row(in.size.height - 1), in.row(in.size.height - 1) + in.stride());
    buffers.last_row.push_back(0);
  }

  // Room for two windows of `taps` rows; false where that is beyond all reason.
  [[nodiscard]] bool reserve(std::size_t first, std::size_t taps) {
    if (!resample_) return true;
    capacity_ = 2 * taps + 2 * kRowGroup;
    if (capacity_ > kMaxBufferBytes / stride_) return false;
    buffers_->rows.resize(capacity_ * stride_);
    begin_ = next_ = static_cast<std::int32_t>(first);
    return true;
  }

  // Rows [first, first + taps), stride() bytes apart; `first` never goes down.
  [[nodiscard]] const std::uint8_t* rows(std::int32_t first, std::size_t taps) {
    if (!resample_) return base_ + first * stride_;
    const std::int32_t end = first + static_cast<std::int32_t>(taps);
    if (first >= next_) begin_ = next_ = first;
    while (next_ < end) make_group(first);
    return row(first);
  }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

 private:
  [[nodiscard]] std::uint8_t* row(std::int32_t y) const { return buffers_->rows.data() + (y - begin_) * stride_; }

  void make_group(std::int32_t keep) {
    if (static_cast<std::size_t>(next_ - begin_) + kRowGroup > capacity_) {
      std::memmove(buffers_->rows.data(), row(keep), (next_ - keep) * stride_);
      begin_ = keep;
    }
    std::array<const std::uint8_t*, kRowGroup> in{};
    std::array<std::uint8_t*, kRowGroup> out{};
    const std::int32_t last = in_.size.height - 1;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(kRowGroup); ++i) {
      const std::int32_t y = std::min(next_ + i, last);
      in[i] = y == last ? buffers_->last_row.data() : in_.row(y);
      out[i] = row(y);
    }
    resample_rows(in, buffers_->across, out);
    next_ = std::min(next_ + static_cast<std::int32_t>(kRowGroup), in_.size.height);
  }

  View in_;
  bool resample_;
  PreprocessBuffers* buffers_;
  const std::uint8_t* base_ = nullptr;
  std::size_t stride_ = 0;
  std::size_t capacity_ = 0;
  std::int32_t begin_ = 0;  // rows [begin_, next_) are in the buffer
  std::int32_t next_ = 0;
};

// Hands the rows of the canvas, top to bottom, to sink(y, row).
template <typename RowSink>
Result<void> render(View in, const Placement& placement, PreprocessBuffers& buffers, const RowSink& sink) {
  const Size window = placement.window;
  const Size canvas = placement.canvas;
  const bool resample_down = placement.resized.height != in.size.height;
  const bool resample_across = placement.resized.width != in.size.width;
  if (resample_across) {
    make_weights(in.size.width, placement.resized.width, placement.x, window.width, placement.resampling,
                 buffers.across);
  }
  if (resample_down) {
    make_weights(in.size.height, placement.resized.height, placement.y, window.height, placement.resampling,
                 buffers.down);
  }
  HorizontalPass pass(in, placement, resample_across, buffers);
  if (!pass.reserve(resample_down ? buffers.down.first.front() : placement.y, resample_down ? buffers.down.taps : 1)) {
    return fail(ErrorCode::overloaded,
                fmt::format("a picture of {} x {} is too long to be resized to {} x {}", in.size.width, in.size.height,
                            placement.resized.width, placement.resized.height));
  }

  const std::size_t bytes = std::size_t{3} * window.width;
  buffers.color_row.resize(std::size_t{3} * canvas.width);
  for (std::size_t i = 0; i < buffers.color_row.size(); ++i) buffers.color_row[i] = placement.color[i % 3];
  buffers.canvas_row = buffers.color_row;
  std::uint8_t* const content = buffers.canvas_row.data() + std::size_t{3} * placement.left;
  for (std::int32_t y = 0; y < canvas.height; ++y) {
    const std::int32_t inside = y - placement.top;
    if (inside < 0 || inside >= window.height) {
      sink(y, buffers.color_row.data());
      continue;
    }
    if (resample_down) {
      const std::size_t taps = buffers.down.taps;
      resample_columns(pass.rows(buffers.down.first[inside], taps), pass.stride(), &buffers.down.weights[inside * taps],
                       taps, bytes, content);
    } else {
      std::memcpy(content, pass.rows(placement.y + inside, 1), bytes);
    }
    sink(y, buffers.canvas_row.data());
  }
  return {};
}

Result<void> render_to_picture(View in, const Placement& placement, PreprocessBuffers& buffers,
                               std::vector<std::uint8_t>& out) {
  const std::size_t stride = std::size_t{3} * placement.canvas.width;
  out.resize(stride * placement.canvas.height);
  return render(in, placement, buffers,
                [&](std::int32_t y, const std::uint8_t* row) { std::memcpy(out.data() + y * stride, row, stride); });
}

Result<void> render_to_tensor(View in, const Placement& placement, PreprocessBuffers& buffers,
                              const PreprocessPlan& plan, std::span<float> out) {
  const auto width = static_cast<std::size_t>(plan.shape.width);
  const std::size_t plane = width * plan.shape.height;
  return render(in, placement, buffers, [&](std::int32_t y, const std::uint8_t* row) {
    if (plan.shape.planar) {
      float* const first = out.data() + y * width;
      row_to_planes(row, width, plan.to_float, {first, first + plane, first + 2 * plane});
    } else {
      row_to_interleaved(row, width, plan.to_float, out.data() + 3 * y * width);
    }
  });
}

}  // namespace

PreprocessScratch::PreprocessScratch() : buffers_(std::make_unique<PreprocessBuffers>()) {}
PreprocessScratch::PreprocessScratch(PreprocessScratch&&) noexcept = default;
PreprocessScratch& PreprocessScratch::operator=(PreprocessScratch&&) noexcept = default;
PreprocessScratch::~PreprocessScratch() = default;

Result<Preprocess> Preprocess::compile(const Json& steps, std::string_view where) {
  EIDETIC_TRY(PreprocessPlan plan, parse_steps(steps, where));
  return Preprocess(std::make_shared<const PreprocessPlan>(std::move(plan)));
}

TensorShape Preprocess::shape() const noexcept { return plan_->shape; }

std::size_t Preprocess::output_size() const noexcept {
  return std::size_t{3} * plan_->shape.height * plan_->shape.width;
}

std::int32_t Preprocess::min_short_side() const noexcept { return plan_->min_short_side; }

Result<void> Preprocess::run(const Image& image, std::span<float> out, PreprocessScratch& scratch) const {
  View view{image.pixels.data(), {image.width, image.height}};
  if (image.width < 1 || image.height < 1 || image.pixels.size() != view.stride() * image.height) {
    return fail(ErrorCode::invalid_argument, fmt::format("a picture of {} x {} pixels with {} bytes cannot be embedded",
                                                         image.width, image.height, image.pixels.size()));
  }
  if (out.size() != output_size()) {
    return fail(ErrorCode::internal, fmt::format("a tensor of {} floats for {}", out.size(), output_size()));
  }
  PreprocessBuffers& buffers = *scratch.buffers_;
  EIDETIC_CHECK(place_all(plan_->geometry, view.size, buffers.placements));
  for (std::size_t i = 0; i + 1 < buffers.placements.size(); ++i) {
    const Placement& placement = buffers.placements[i];
    std::vector<std::uint8_t>& picture = buffers.pictures[i % 2];
    EIDETIC_CHECK(render_to_picture(view, placement, buffers, picture));
    view = {picture.data(), placement.canvas};
  }
  return render_to_tensor(view, buffers.placements.back(), buffers, *plan_, out);
}

}  // namespace eidetic
