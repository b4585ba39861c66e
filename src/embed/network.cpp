#include "embed/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/openvino.hpp>
#include <openvino/pass/constant_folding.hpp>
#include <openvino/pass/manager.hpp>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <sstream>

#include "base/log.h"
#include "embed/compiled_cache.h"
#include "embed/graph.h"

namespace eidetic {
namespace {

namespace fs = std::filesystem;

// What text models take beside the ids of the tokens, by the names that they all give it.
constexpr std::string_view kMask = "attention_mask";
constexpr std::string_view kTypes = "token_type_ids";

bool has_name(const ov::Output<const ov::Node>& output, std::string_view name) {
  return output.get_names().contains(std::string(name)) || output.get_node()->get_friendly_name() == name;
}

// The input for what is embedded, and behind it those that are fed beside it.
Result<ov::ParameterVector> find_inputs(const ov::Model& model, const NetworkOptions& options, const fs::path& file) {
  ov::ParameterVector beside;
  ov::ParameterVector others;
  for (const auto& parameter : model.get_parameters()) {
    const bool known = has_name(parameter->output(0), kMask) || has_name(parameter->output(0), kTypes);
    (options.tokens && known ? beside : others).push_back(parameter);
  }
  std::optional<std::string> name = options.input;
  if (!name && others.size() == 1) name = others.front()->get_friendly_name();
  EIDETIC_TRY(const auto input, graph::find_input(model, name, file));
  std::erase(beside, input);
  // One that nothing reads would be no part of the compiled network.
  std::erase_if(beside, [](const auto& parameter) { return parameter->output(0).get_target_inputs().empty(); });
  beside.insert(beside.begin(), input);
  return beside;
}

// The part of the model between its input and the one output, at the shape of the picture or of the tokens.
Result<std::shared_ptr<ov::Model>> cut_out(const std::shared_ptr<ov::Model>& model, const NetworkOptions& options,
                                           const fs::path& file) {
  EIDETIC_TRY(const auto inputs, find_inputs(*model, options, file));
  const auto& input = inputs.front();
  EIDETIC_TRY(const auto output, graph::find_layer(*model, options.layer, file));
  const ov::PartialShape wanted(std::vector<ov::Dimension>(options.input_shape.begin(), options.input_shape.end()));
  // A batch of another size can be tried at 1; any other size is the model's own.
  ov::PartialShape own = input->get_partial_shape();
  if (own.rank().is_static() && own.size() > 0) own[0] = ov::Dimension::dynamic();
  if (!own.compatible(wanted)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' takes {}, but {} of its bundle give {}; change {} in model.json", file.native(),
                            graph::shape_text(input->get_partial_shape()),
                            options.tokens ? "the tokens" : "the preprocessing steps", graph::shape_text(wanted),
                            options.tokens ? "the length of its text" : "them"));
  }
  std::shared_ptr<ov::Model> part;
  try {
    part = std::make_shared<ov::Model>(ov::OutputVector{output}, inputs);
  } catch (const std::exception&) {
    return fail(ErrorCode::unsupported,
                fmt::format("the layer '{}' of '{}' needs more inputs than '{}'; choose an earlier one",
                            options.layer.value_or("(last output)"), file.native(), input->get_friendly_name()));
  }
  try {
    std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
    for (const auto& each : part->inputs()) shapes[each] = wanted;
    part->reshape(shapes);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' cannot work on one picture at a time, as {}: {}", file.native(),
                            graph::shape_text(wanted), graph::reason(exception)));
  }
  if (part->output(0).get_partial_shape().is_dynamic()) {
    return fail(ErrorCode::unsupported,
                fmt::format("the size of the output of '{}' depends on the picture's content: {}", file.native(),
                            graph::shape_text(part->output(0).get_partial_shape())));
  }
  // Models of other element types are fed and read as the rest of Eidetic works.
  ov::preprocess::PrePostProcessor converter(part);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    converter.input(i).tensor().set_element_type(options.tokens ? ov::element::i64 : ov::element::f32);
  }
  converter.output().tensor().set_element_type(ov::element::f32);
  return converter.build();
}

// Whether anything but weights is quantised, so that there is something to compute in 8 bits.
bool quantises_activations(const ov::Model& model) {
  return std::ranges::any_of(model.get_ops(), [](const auto& op) { return ov::is_type<ov::op::v0::FakeQuantize>(op); });
}

// Below VNNI the 8-bit kernels add pairs of products in 16 bits, which overflow: the default model's vectors then have
// a mean cosine of .76 to the right ones, and its ranking is lost. Weights that are quantised alone are unpacked by the
// library itself, which with more than one stream often leaves them wrong (OpenVINO 2026.4 on processors with VNNI).
bool must_unpack_weights(const ov::Model& model) { return !has_native_int8() || !quantises_activations(model); }

// Makes plain numbers of quantised weights. Activations are still rounded as the model says.
void unpack_weights(const std::shared_ptr<ov::Model>& model) {
  ov::pass::Manager passes;
  passes.register_pass<ov::pass::ConstantFolding>();
  passes.run_passes(model);
}

ov::AnyMap properties(const NetworkOptions& options) {
  // Each stream works on one picture: with one thread a stream as fast as larger batches, and a picture's vector cannot
  // depend on its neighbours.
  return {ov::hint::performance_mode(ov::hint::PerformanceMode::THROUGHPUT),
          ov::num_streams(static_cast<int>(options.streams)),
          ov::inference_num_threads(static_cast<int>(options.streams * options.threads_each)),
          ov::hint::enable_cpu_pinning(false),
          ov::hint::inference_precision(options.precision == Precision::bf16 ? ov::element::bf16 : ov::element::f32)};
}

CompiledCache cache_for(const NetworkOptions& options) {
  if (options.cache_dir.empty()) return {{}, "", ""};
  const std::string name =
      fmt::format("{} input={} layer={} shape={} {} streams={}x{}", options.identity, options.input.value_or(""),
                  options.layer.value_or(""), fmt::join(options.input_shape, "x"), to_string(options.precision),
                  options.streams, options.threads_each);
  const auto processor = graph::core().get_property("CPU", ov::device::full_name.name()).as<std::string>();
  return {options.cache_dir, name, fmt::format("{} on {}", ov::get_openvino_version().buildNumber, processor)};
}

// nullopt: it must be compiled from the model.
std::optional<ov::CompiledModel> from_cache(const CompiledCache& cache, const NetworkOptions& options) {
  const auto compiled = cache.load();
  if (!compiled) return std::nullopt;
  try {
    std::istringstream stream(*compiled);
    return graph::core().import_model(stream, "CPU", properties(options));
  } catch (const std::exception& exception) {
    log(LogLevel::debug, "a compiled model is made anew: {}", graph::reason(exception));
    return std::nullopt;
  }
}

Result<ov::CompiledModel> compile(const fs::path& file, const NetworkOptions& options) {
  try {
    const CompiledCache cache = cache_for(options);
    if (auto cached = from_cache(cache, options)) return *std::move(cached);
    EIDETIC_TRY(const auto model, graph::read_model(file));
    EIDETIC_TRY(const auto part, cut_out(model, options, file));
    if (must_unpack_weights(*part)) unpack_weights(part);
    auto compiled = graph::core().compile_model(part, "CPU", properties(options));
    if (!options.cache_dir.empty()) {
      std::ostringstream stream;
      compiled.export_model(stream);
      cache.store(stream.view());
    }
    return compiled;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' cannot be run here: {}", file.native(), graph::reason(exception)));
  }
}

}  // namespace

struct Network::State {
  struct Request {
    ov::InferRequest request = {};
    std::span<float> input = {};
    std::span<std::int64_t> tokens = {};
    std::span<std::int64_t> mask = {};
    std::span<const float> output = {};
  };

  ov::CompiledModel compiled;
  std::string name;  // of the file, for messages
  std::vector<std::size_t> output_shape;
  std::vector<Request> requests;
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::size_t> idle;

  void add_request(bool takes_tokens) {
    Request& added = requests.emplace_back(Request{.request = compiled.create_infer_request()});
    for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
      ov::Tensor input = added.request.get_input_tensor(i);
      std::fill_n(static_cast<std::byte*>(input.data()), input.get_byte_size(), std::byte{0});
      if (!takes_tokens) {
        added.input = {input.data<float>(), input.get_size()};
      } else if (i == 0) {
        added.tokens = {input.data<std::int64_t>(), input.get_size()};
      } else if (has_name(compiled.input(i), kMask)) {
        added.mask = {input.data<std::int64_t>(), input.get_size()};
      }
    }
    // The first inference allocates; it happens here and not with the first picture.
    added.request.infer();
    const ov::Tensor output = added.request.get_output_tensor();
    added.output = {output.data<const float>(), output.get_size()};
    idle.push_back(requests.size() - 1);
  }
};

Network::Network(std::unique_ptr<State> state) : state_(std::move(state)) {}
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;
Network::~Network() = default;

Result<Network> Network::load(const fs::path& model, const NetworkOptions& options) {
  auto state = std::make_unique<State>();
  EIDETIC_TRY(state->compiled, compile(model, options));
  state->name = model.native();
  try {
    const ov::Shape shape = state->compiled.output().get_shape();
    state->output_shape.assign(shape.begin(), shape.end());
    state->requests.reserve(options.streams);
    for (unsigned i = 0; i < options.streams; ++i) state->add_request(options.tokens);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::unsupported,
                fmt::format("'{}' cannot be run here: {}", model.native(), graph::reason(exception)));
  }
  return Network(std::move(state));
}

const std::vector<std::size_t>& Network::output_shape() const noexcept { return state_->output_shape; }
unsigned Network::streams() const noexcept { return static_cast<unsigned>(state_->requests.size()); }

Network::Lease Network::borrow() const {
  std::unique_lock lock(state_->mutex);
  state_->returned.wait(lock, [&] { return !state_->idle.empty(); });
  const std::size_t index = state_->idle.back();
  state_->idle.pop_back();
  return {*state_, index};
}

Network::Lease::~Lease() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->idle.push_back(index_);
  }
  state_->returned.notify_one();
}

std::span<float> Network::Lease::input() { return state_->requests[index_].input; }
std::span<std::int64_t> Network::Lease::tokens() { return state_->requests[index_].tokens; }
std::span<std::int64_t> Network::Lease::mask() { return state_->requests[index_].mask; }

Result<std::span<const float>> Network::Lease::infer() {
  auto& request = state_->requests[index_];
  try {
    request.request.infer();
  } catch (const std::exception& exception) {
    return fail(ErrorCode::internal, fmt::format("'{}' failed: {}", state_->name, graph::reason(exception)));
  }
  for (const float value : request.output) {
    if (!std::isfinite(value)) {
      return fail(ErrorCode::internal, fmt::format("'{}' gave a vector that is not finite", state_->name));
    }
  }
  return request.output;
}

bool has_native_bf16() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

bool has_native_int8() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") != 0 || __builtin_cpu_supports("avxvnni") != 0;
#else
  return true;
#endif
}

}  // namespace eidetic
