// eidetic completion bash | zsh | fish: scripts made from the commands and options themselves.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"

namespace eidetic {
namespace {

// One command, "collections export", with the words that may follow it.
struct Node {
  std::string path;  // "" for `eidetic` itself
  std::string description;
  std::vector<const CLI::Option*> options;  // its own, without positional ones
  std::vector<std::string> values;          // what its argument can be, where that is known
  std::vector<const CLI::App*> commands;
};

// The values that an option or argument with a fixed choice takes.
std::vector<std::string> choices(const CLI::Option& option) {
  static const std::map<std::string, std::vector<std::string>, std::less<>> known = {
      {"--precision", {"auto", "f32", "bf16"}},
      {"--metric", {"cosine", "dot", "euclidean"}},
      {"--state", {"queued", "running", "done", "failed", "cancelled"}},
      {"--index", {"auto", "Flat", "HNSW16"}},
      {"SHELL", {"bash", "zsh", "fish"}}};
  const auto found = known.find(option.get_name());
  return found == known.end() ? std::vector<std::string>() : found->second;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
  Node node = {.path = path, .description = app.get_description(), .options = {}, .values = {}, .commands = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      node.values = choices(*option);
    } else {
      node.options.push_back(option);
    }
  }
  for (const CLI::App* command : app.get_subcommands({})) node.commands.push_back(command);
  nodes.push_back(node);
  for (const CLI::App* command : node.commands) {
    collect(*command, path.empty() ? command->get_name() : path + ' ' + command->get_name(), nodes);
  }
}

// "-c --collection".
std::vector<std::string> spellings(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back('-' + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// The options that may follow a command, with their descriptions: its own and those that every command has.
std::vector<std::pair<std::string, std::string>> options_after(const Node& node, const Node& root) {
  std::vector<std::pair<std::string, std::string>> options;
  for (const Node* level : {&root, &node}) {
    for (const CLI::Option* option : level->options) {
      // Of the root's options, the help of the command itself takes the place of the root's.
      if (level == &root && &node != &root && option->check_lname("help")) continue;
      for (auto& name : spellings(*option)) options.emplace_back(std::move(name), option->get_description());
    }
    if (&node == &root) break;
  }
  return options;
}

// A shell pattern of the commands after which a subcommand or a fixed word is due, and no file.
std::string without_files(const std::vector<Node>& nodes) {
  std::string pattern = "''";
  for (const Node& node : nodes) {
    if (!node.path.empty() && (!node.commands.empty() || !node.values.empty())) pattern += '|' + node.path;
  }
  return pattern;
}

// The words that may follow a command: its subcommands and options.
std::vector<std::string> words_after(const Node& node, const Node& root) {
  std::vector<std::string> words = node.values;
  for (const CLI::App* command : node.commands) words.push_back(command->get_name());
  for (auto& [name, description] : options_after(node, root)) words.push_back(std::move(name));
  return words;
}

// Options of all commands that take a value: those with a fixed choice as case branches, the others in one list.
struct ValueOptions {
  std::map<std::string, std::string> choices;  // "--metric" -> "cosine dot euclidean"
  std::set<std::string> free;
};

ValueOptions value_options(const std::vector<Node>& nodes) {
  ValueOptions found;
  for (const Node& node : nodes) {
    for (const CLI::Option* option : node.options) {
      if (!takes_value(*option)) continue;
      const auto values = choices(*option);
      for (auto& name : spellings(*option)) {
        if (values.empty()) {
          found.free.insert(std::move(name));
        } else {
          found.choices[std::move(name)] = fmt::format("{}", fmt::join(values, " "));
        }
      }
    }
  }
  return found;
}

// Shell code that walks over the words before the cursor and leaves the command in `command`, "collections export"; the
// same in bash and zsh. `$word` is the word at hand.
std::string find_command(const std::vector<Node>& nodes, const ValueOptions& values) {
  std::vector<std::string> valued(values.free.begin(), values.free.end());
  for (const auto& [name, list] : values.choices) valued.push_back(name);
  std::string code = fmt::format(R"(    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      {}) skip=1 ;;
      -*) ;;
      *)
        case "$command $word" in
)",
                                 fmt::join(valued, "|"));
  for (const Node& node : nodes) {
    if (node.path.empty()) continue;
    const std::string_view space = node.path.find(' ') == std::string::npos ? " " : "";
    code += fmt::format("          '{0}{1}') command='{1}' ;;\n", space, node.path);
  }
  return code + "        esac ;;\n    esac\n  done\n";
}

std::string bash_script(const std::vector<Node>& nodes) {
  const ValueOptions values = value_options(nodes);
  std::string script = R"(# bash completion for eidetic:  source <(eidetic completion bash)
_eidetic() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word skip= words= i
  case $previous in
)";
  for (const auto& [name, list] : values.choices) {
    script += fmt::format("    {}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\"); return ;;\n", name, list);
  }
  script += fmt::format("    {}) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n  esac\n",
                        fmt::join(values.free, "|"));
  script += "  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=${COMP_WORDS[i]}\n" + find_command(nodes, values);
  script += "  case $command in\n";
  for (const Node& node : nodes) {
    script += fmt::format("    '{}') words='{}' ;;\n", node.path, fmt::join(words_after(node, nodes.front()), " "));
  }
  script += R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  # Where no subcommand is due, files are offered too.
  case $command in
)";
  script += fmt::format("    {}) ;;\n", without_files(nodes));
  script += R"(    *) [[ $current == -* ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current") ;;
  esac
}
complete -o filenames -F _eidetic eidetic
)";
  return script;
}

// 'name:description', as _describe takes it.
std::string described(const std::string& name, const std::string& description) {
  std::string text;
  for (const char c : name + '\n' + description) {
    if (c == '\'') {
      text += "'\\''";
    } else if (c == ':') {
      text += "\\:";
    } else {
      text += c == '\n' ? ':' : c;
    }
  }
  return '\'' + text + '\'';
}

std::string zsh_script(const std::vector<Node>& nodes) {
  const ValueOptions values = value_options(nodes);
  std::string script = R"(#compdef eidetic
# zsh completion for eidetic:  source <(eidetic completion zsh)
_eidetic() {
  local command= word= skip= i
  local -a candidates
  case ${words[CURRENT-1]} in
)";
  for (const auto& [name, list] : values.choices) script += fmt::format("    {}) compadd {}; return ;;\n", name, list);
  script += fmt::format("    {}) _files; return ;;\n  esac\n", fmt::join(values.free, "|"));
  script += "  for ((i = 2; i < CURRENT; i++)); do\n    word=${words[i]}\n" + find_command(nodes, values);
  script += "  case $command in\n";
  for (const Node& node : nodes) {
    script += fmt::format("    '{}') candidates=(", node.path);
    for (const CLI::App* command : node.commands) {
      script += ' ' + described(command->get_name(), command->get_description());
    }
    for (const auto& value : node.values) script += ' ' + value;
    for (const auto& [name, description] : options_after(node, nodes.front())) {
      script += ' ' + described(name, description);
    }
    script += " ) ;;\n";
  }
  script += R"(  esac
  _describe eidetic candidates
  case $command in
)";
  script += fmt::format("    {}) ;;\n", without_files(nodes));
  script += R"(    *) _files ;;
  esac
}
compdef _eidetic eidetic
)";
  return script;
}

std::string fish_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

std::string fish_script(const std::vector<Node>& nodes) {
  const ValueOptions values = value_options(nodes);
  std::vector<std::string> valued(values.free.begin(), values.free.end());
  for (const auto& [name, list] : values.choices) valued.push_back(name);
  std::vector<std::string> paths;
  for (const Node& node : nodes) paths.push_back(fish_quoted(node.path));
  std::string script = fmt::format(R"(# fish completion for eidetic:  eidetic completion fish | source
function __eidetic_at
    set -l command
    set -l skip
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip
        else if contains -- $word {}
            set skip 1
        else if contains -- (string trim -- "$command $word") {}
            set command (string trim -- "$command $word")
        end
    end
    test "$command" = "$argv[1]"
end
complete -c eidetic -f
)",
                                   fmt::join(valued, " "), fmt::join(paths, " "));
  for (const Node& node : nodes) {
    const std::string start = fmt::format("complete -c eidetic -n \"__eidetic_at '{}'\"", node.path);
    for (const CLI::App* command : node.commands) {
      script += fmt::format("{} -a {} -d {}\n", start, command->get_name(), fish_quoted(command->get_description()));
    }
    if (!node.values.empty()) {
      script += fmt::format("{} -a '{}'\n", start, fmt::join(node.values, " "));
    } else if (node.commands.empty()) {
      script += start + " -F\n";
    }
    for (const CLI::Option* option : node.options) {
      script += &node == &nodes.front() ? "complete -c eidetic" : start;
      for (const auto& name : option->get_snames()) script += " -s " + name;
      for (const auto& name : option->get_lnames()) script += " -l " + name;
      if (const auto list = choices(*option); !list.empty()) {
        script += fmt::format(" -x -a '{}'", fmt::join(list, " "));
      } else if (takes_value(*option)) {
        script += " -r -F";
      }
      script += fmt::format(" -d {}\n", fish_quoted(option->get_description()));
    }
  }
  return script;
}

Result<int> run_completion(const Session& session, const CLI::App& root, const std::string& shell) {
  std::vector<Node> nodes;
  collect(root, "", nodes);
  const std::string script = shell == "bash"  ? bash_script(nodes)
                             : shell == "zsh" ? zsh_script(nodes)
                                              : fish_script(nodes);
  if (session.globals.json) {
    print_json({{"shell", shell}, {"script", script}});
  } else {
    fmt::print("{}", script);
  }
  return kDone;
}

}  // namespace

void add_completion_command(CLI::App& root, Session& session) {
  auto* app = root.add_subcommand("completion", "Print a script that lets a shell complete commands and options")
                  ->fallthrough();
  auto shell = std::make_shared<std::string>();
  app->add_option("SHELL", *shell, "bash, zsh or fish")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  app->callback([=, &root, &session] {
    session.command = [=, &root, &session] { return run_completion(session, root, *shell); };
  });
}

}  // namespace eidetic
