// results_page of results.h.
#include <fmt/format.h>

#include "base/text.h"
#include "recipes/results.h"

namespace eidetic {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --right: #00704a; --wrong: #a83218; --link: #1f4eb4; }
@media (prefers-color-scheme: dark) { :root { --right: #4ad295; --wrong: #ff9a80; --link: #8fb4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .5rem 0; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; font-weight: 600; }
a { color: var(--link); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .5rem; margin: 1rem 0; padding: 0; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
dt { font-size: .85rem; opacity: .8; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
dd small { font-size: .85rem; opacity: .8; display: block; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; margin: 0; padding: 0;
  list-style: none; }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; background: #fff; border: 2px solid var(--line); border-radius: .5rem; }
.query svg { border-color: var(--link); border-width: 4px; }
.right svg { border-color: var(--right); border-width: 4px; }
.wrong svg { border-color: var(--wrong); border-style: dashed; }
figcaption { font-size: .85rem; line-height: 1.35; margin-top: .25rem; }
.right b { color: var(--right); }
.wrong b { color: var(--wrong); }
.id { opacity: .8; }
p { max-width: 46rem; }
pre { background: var(--soft); border-radius: .5rem; padding: .75rem; white-space: pre-wrap; }
footer { border-top: 1px solid var(--line); font-size: .85rem; padding: 1rem 0; }
)";

// With a space that no line is broken at.
std::string percent(double share) { return fmt::format("{:.1f}\u00A0%", share * 100); }

// Names of others keep their direction of writing to themselves.
std::string name(std::string_view text) { return fmt::format("<bdi>{}</bdi>", html_escaped(text)); }

void fact(std::string& page, std::string_view title, std::string_view value, std::string_view note = "") {
  page += fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", title, value,
                      note.empty() ? "" : fmt::format("<small>{}</small>", note));
}

void facts(std::string& page, const Results& results, const RecipeReport& report) {
  page += "<dl>\n";
  fact(page, "pictures", grouped(results.collection.items), html_escaped(results.collection.spec.space.model));
  fact(page, "sample searches", grouped(report.searches), fmt::format("seed {}", results.search.seed));
  if (report.judged > 0) {
    const std::string by = fmt::format("by {}", name(results.search.label));
    const auto without = [&](const std::optional<double>& plain) {
      return plain ? fmt::format("{} without classes first", percent(*plain)) : by;
    };
    fact(page, "first hit right", percent(report.p_at_1), without(report.plain_p_at_1));
    fact(page, fmt::format("right among {}", report.k), percent(report.p_at_k), without(report.plain_p_at_k));
  }
  fact(page, "time of a search", fmt::format("{:.2f} ms", report.median_ms),
       fmt::format("median, {}", html_escaped(results.collection.index_kind)));
  if (report.classifier) {
    const auto& classifier = *report.classifier;
    fact(page, "class head", classifier.held_out > 0 ? percent(classifier.accuracy) : "not measured",
         classifier.held_out > 0 ? fmt::format("right of {} pictures that it had not seen, {} classes",
                                               grouped(classifier.held_out), classifier.classes.size())
                                 : fmt::format("{} classes", classifier.classes.size()));
  }
  if (report.calibration) {
    fact(page, "recommended confidence", fmt::format("{:.2f}", report.calibration->recommended),
         fmt::format("finds nothing for {} of searches for what is not there", percent(report.calibration->refused)));
  }
  page += "</dl>\n";
}

// A cell of the sheet, cut out of it.
std::string cut_out(const Sample& sample, std::size_t cell, std::string_view alternative) {
  const SheetLayout& layout = sample.layout;
  const auto left = static_cast<std::uint32_t>(cell % layout.columns) * layout.cell() + layout.margin;
  const auto top = static_cast<std::uint32_t>(cell / layout.columns) * layout.cell() + layout.margin;
  return fmt::format(
      R"(<a href="{0}"><svg viewBox="0 0 {1} {1}" role="img" aria-label="{2}"><image href="{0}" x="-{3}" y="-{4}" width="{5}" height="{6}"/></svg></a>)",
      html_escaped(sample.sheet), layout.picture, html_escaped(alternative), left, top, layout.width(),
      layout.height());
}

std::string hit_caption(const SampleHit& hit) {
  std::string text = fmt::format("<b>{}{:.3f}</b>", !hit.right ? "" : *hit.right ? "✓ " : "✗ ", hit.hit.similarity);
  if (hit.hit.confidence) text += fmt::format(" · chance {:.0f}\u00A0%", *hit.hit.confidence * 100);
  if (hit.hit.verification && hit.hit.verification->verified) text += " · same picture";
  if (hit.label) text += fmt::format("<br>{}", name(*hit.label));
  return text + fmt::format("<br><span class=\"id\">{}</span>", name(hit.hit.id));
}

std::string classified(const Classification& told) {
  std::string text = fmt::format("taken for {} ({})", name(told.class_name), percent(told.confidence));
  if (!told.fallback.empty())
    text += fmt::format("; all were searched, as the class is {}", html_escaped(told.fallback));
  return text;
}

void section(std::string& page, const Sample& sample, std::size_t number) {
  page += fmt::format("<section>\n<h2>{}. {}", number, name(sample.id));
  if (sample.label) page += fmt::format(" · {}", name(*sample.label));
  page += "</h2>\n<ul class=\"hits\">\n";
  page +=
      fmt::format("<li class=\"query\"><figure>{}<figcaption><b>query</b>{}<br>{:.2f} ms</figcaption></figure></li>\n",
                  cut_out(sample, 0, "query: " + sample.id),
                  sample.classification ? "<br>" + classified(*sample.classification) : "", sample.ms);
  for (std::size_t i = 0; i < sample.hits.size(); ++i) {
    const SampleHit& hit = sample.hits[i];
    page += fmt::format("<li class=\"{}\"><figure>{}<figcaption>{}</figcaption></figure></li>\n",
                        !hit.right   ? ""
                        : *hit.right ? "right"
                                     : "wrong",
                        cut_out(sample, i + 1, fmt::format("hit {}: {}", i + 1, hit.hit.id)), hit_caption(hit));
  }
  page += "</ul>\n";
  if (sample.hits.empty()) page += "<p>Nothing was found.</p>\n";
  for (const auto& note : sample.notes) page += fmt::format("<p>{}</p>\n", html_escaped(note));
  page += "</section>\n";
}

std::string how_to_go_on(const Results& results) {
  const std::string start = html_escaped(fmt::format("{} search", results.command));
  const std::string end = html_escaped(fmt::format("-c {}", results.collection.spec.name));
  std::string text = fmt::format("<section>\n<h2>Search on</h2>\n<pre>{0} PICTURE.jpg {1}\n", start, end);
  if (!results.classifier.empty()) {
    text += fmt::format("{} PICTURE.jpg {} --classify {}\n", start, end, html_escaped(results.classifier));
  }
  if (!results.samples.empty()) {
    // A shell takes the whole of it, whatever the name holds.
    std::string quoted = "'id:";
    for (const char c : results.samples.front().id) quoted += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
    text += fmt::format("{} {} {}\n", start, html_escaped(quoted + "'"), end);
  }
  return text + "</pre>\n</section>\n";
}

}  // namespace

std::string results_page(const Results& results, const RecipeReport& report) {
  const std::string title = html_escaped(results.title);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; object-src 'none'; base-uri "
      "'none'\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
      title, kStyle);
  facts(page, results, report);
  if (report.judged > 0) {
    page += fmt::format(
        "<p>Each query is a picture of the collection, drawn by seed, and left out of its own results. A hit is right "
        "(✓) "
        "where its <code>{}</code> is the query's. The number is the similarity: 1 is the same picture.</p>\n",
        name(results.search.label));
  } else {
    page +=
        "<p>Each query is a picture of the collection, drawn by seed, and left out of its own results. The number is "
        "the similarity: 1 is the same picture.</p>\n";
  }
  if (report.plain_p_at_1) {
    page +=
        "<p>Searches are with classes first: only pictures of the query's class are ranked, and a picture that has a "
        "label "
        "is of the class it says. So right hits say that the class was recognised, of a picture that the class head "
        "has "
        "learnt from. What the pictures alone find is the figure without classes; what the head does with pictures "
        "that it "
        "has not seen is its own.</p>\n";
  }
  for (std::size_t i = 0; i < results.samples.size(); ++i) section(page, results.samples[i], i + 1);
  page += how_to_go_on(results);
  page += "<footer>";
  if (!results.dataset.empty()) {
    page += fmt::format("Pictures: {}", name(results.dataset));
    if (!results.homepage.empty()) page += fmt::format(", <a href=\"{0}\">{0}</a>", html_escaped(results.homepage));
    if (!results.licence.empty()) page += fmt::format(", {}", html_escaped(results.licence));
    page += ". ";
  }
  page += "Made by Eidetic. The same as data: <a href=\"report.json\">report.json</a>.</footer>\n</body>\n</html>\n";
  return page;
}

}  // namespace eidetic
