// For tests: small models as ONNX files, written field by field
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace eidetic::test_onnx {

enum class Type { f32 = 1, i32 = 6, i64 = 7 };

// A message of protocol buffers.
class Message {
 public:
  Message& number(std::uint32_t field, std::uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  Message& bytes(std::uint32_t field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    content_ += value;
    return *this;
  }
  Message& message(std::uint32_t field, const Message& value) { return bytes(field, value.content_); }
  [[nodiscard]] const std::string& content() const { return content_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) content_ += static_cast<char>(value | 0x80);
    content_ += static_cast<char>(value);
  }
  std::string content_;
};

inline Message tensor(std::string_view name, std::initializer_list<std::uint64_t> dimensions,
                      const std::vector<float>& values) {
  Message tensor;
  for (const auto extent : dimensions) tensor.number(1, extent);
  std::string raw(values.size() * sizeof(float), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor.number(2, static_cast<std::uint64_t>(Type::f32)).bytes(8, name).bytes(9, raw);
}

// 0: the extent is open.
inline Message value(std::string_view name, Type type, std::initializer_list<std::uint64_t> extents) {
  Message shape;
  for (const auto extent : extents) {
    shape.message(1, extent > 0 ? Message().number(1, extent) : Message().bytes(2, "open"));
  }
  const Message tensor = Message().number(1, static_cast<std::uint64_t>(type)).message(2, shape);
  return Message().bytes(1, name).message(2, Message().message(1, tensor));
}

inline Message integer(std::string_view name, std::uint64_t value) {
  return Message().bytes(1, name).number(3, value).number(20, 2);
}

inline Message integers(std::string_view name, std::initializer_list<std::uint64_t> values) {
  Message attribute = Message().bytes(1, name);
  for (const auto each : values) attribute.number(8, each);
  return attribute.number(20, 7);
}

inline Message node(std::string_view op, std::initializer_list<std::string_view> inputs, std::string_view output,
                    const std::vector<Message>& attributes = {}) {
  Message node;
  for (const auto input : inputs) node.bytes(1, input);
  node.bytes(2, output).bytes(3, output).bytes(4, op);
  for (const auto& attribute : attributes) node.message(5, attribute);
  return node;
}

// A graph in operator set 12: nodes are field 1, tensors 5, inputs 11, outputs 12.
inline bool write(const std::filesystem::path& file, Message graph) {
  graph.bytes(2, "graph");
  const Message model = Message().number(1, 7).message(7, graph).message(8, Message().bytes(1, "").number(2, 12));
  return write_file_atomically(file, model.content()).has_value();
}

// A picture of 8 x 8 to the mean of each of its three channels.
inline bool write_mean_colour(const std::filesystem::path& file) {
  Message graph;
  graph.message(1, node("ReduceMean", {"pixels"}, "image_embeds", {integers("axes", {2, 3}), integer("keepdims", 0)}));
  graph.message(11, value("pixels", Type::f32, {0, 3, 8, 8}));
  graph.message(12, value("image_embeds", Type::f32, {0, 3}));
  return write(file, graph);
}

struct SumOfTokens {
  std::vector<float> table;      // three values for each id
  Type ids = Type::i64;          // of every input
  bool mask = false;             // what attention_mask is 0 for does not count
  bool types = false;            // token_type_ids are taken, too: each of 1 adds 100 to all values
  std::uint64_t length = 0;      // of the input; 0: open
  std::string other_input = {};  // one more, which is added to all values
};

// Token ids to the sum of their values in a table.
inline bool write_sum_of_tokens(const std::filesystem::path& file, const SumOfTokens& options) {
  Message graph;
  std::string_view last = "each";
  graph.message(1, node("Cast", {"input_ids"}, "ids", {integer("to", static_cast<std::uint64_t>(Type::i64))}));
  graph.message(1, node("Gather", {"table", "ids"}, "each"));
  const auto as_column = [&](std::string_view input, const std::string& name) {
    graph.message(1, node("Cast", {input}, name + "_f", {integer("to", static_cast<std::uint64_t>(Type::f32))}));
    graph.message(1, node("Unsqueeze", {name + "_f"}, name, {integers("axes", {2})}));
    graph.message(11, value(input, options.ids, {0, options.length}));
  };
  if (options.types) {
    as_column("token_type_ids", "types");
    graph.message(1, node("Mul", {"types", "hundred"}, "hundreds"));
    graph.message(1, node("Add", {last, "hundreds"}, "typed"));
    last = "typed";
  }
  graph.message(11, value("input_ids", options.ids, {0, options.length}));
  if (!options.other_input.empty()) {
    as_column(options.other_input, "other");
    graph.message(1, node("Add", {last, "other"}, "added"));
    last = "added";
  }
  if (options.mask) {
    as_column("attention_mask", "mask");
    graph.message(1, node("Mul", {last, "mask"}, "kept"));
    last = "kept";
  }
  graph.message(1, node("ReduceSum", {last}, "text_embeds", {integers("axes", {1}), integer("keepdims", 0)}));
  graph.message(5, tensor("table", {options.table.size() / 3, 3}, options.table));
  graph.message(5, tensor("hundred", {1}, {100}));
  graph.message(12, value("text_embeds", Type::f32, {0, 3}));
  return write(file, graph);
}

}  // namespace eidetic::test_onnx
