// tensorboard_events of run.h: TFRecord framing of tensorflow.Event messages (tensorflow/core/util/event.proto), whose
// few fields are written as protocol buffers have them.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <array>
#include <bit>
#include <cstdint>
#include <functional>

#include "training/run.h"

namespace eidetic {
namespace {

using google::protobuf::io::CodedOutputStream;

enum WireType : std::uint32_t { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

std::string message(const std::function<void(CodedOutputStream&)>& write) {
  std::string text;
  {
    google::protobuf::io::StringOutputStream stream(&text);
    CodedOutputStream out(&stream);
    write(out);
  }
  return text;
}

void tag(CodedOutputStream& out, std::uint32_t field, WireType type) { out.WriteTag(field << 3 | type); }

void write_text(CodedOutputStream& out, std::uint32_t field, const std::string& text) {
  tag(out, field, delimited);
  out.WriteVarint64(text.size());
  out.WriteString(text);
}

void write_time(CodedOutputStream& out, double seconds) {
  tag(out, 1, fixed64);
  out.WriteLittleEndian64(std::bit_cast<std::uint64_t>(seconds));
}

// CRC-32C (Castagnoli), as RFC 3720 has it.
std::uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < made.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0x82F63B78U : value >> 1;
      made[i] = value;
    }
    return made;
  }();
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFFU] ^ crc >> 8;
  return ~crc;
}

void add_record(std::string& file, const std::string& record) {
  const auto masked = [](std::string_view bytes) {
    const std::uint32_t crc = crc32c(bytes);
    return (crc >> 15 | crc << 17) + 0xA282EAD8U;
  };
  const std::string length = message([&](CodedOutputStream& out) { out.WriteLittleEndian64(record.size()); });
  file += message([&](CodedOutputStream& out) {
    out.WriteString(length);
    out.WriteLittleEndian32(masked(length));
    out.WriteString(record);
    out.WriteLittleEndian32(masked(record));
  });
}

std::string scalar(const std::string& name, double value) {
  return message([&](CodedOutputStream& out) {
    write_text(out, 1, name);
    tag(out, 2, fixed32);
    out.WriteLittleEndian32(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  });
}

}  // namespace

std::string tensorboard_events(const TrainReport& report, double started) {
  std::string file;
  add_record(file, message([&](CodedOutputStream& out) {
               write_time(out, started);
               write_text(out, 3, "brain.Event:2");
             }));
  double seconds = started;
  for (const TrainEpoch& epoch : report.epochs) {
    seconds += epoch.seconds;
    const std::string summary = message([&](CodedOutputStream& out) {
      write_text(out, 1, scalar("train/loss", epoch.loss));
      write_text(out, 1, scalar("train/lr", epoch.learning_rate));
      write_text(out, 1, scalar("train/mined", epoch.mined));
      for (const auto& [name, measure] : kRetrievalMeasures) {
        write_text(out, 1, scalar("held_out/" + std::string(name), epoch.held_out.*measure));
      }
    });
    add_record(file, message([&](CodedOutputStream& out) {
                 write_time(out, seconds);
                 tag(out, 2, varint);
                 out.WriteVarint64(epoch.number);
                 write_text(out, 5, summary);
               }));
  }
  return file;
}

}  // namespace eidetic
