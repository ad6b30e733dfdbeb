/* report_style: colours and rules of the page. Two schemes, chosen by the reader's system; print is always light.
 * Contrast against the paper is at least 4.5 for words and 3 for everything else that carries meaning (tested). */
#include <stdio.h>

#include "plan/report_parts.h"

const struct report_colour report_colours[] = {
    {"ink", 0x1b2430, 0xe8ecf2, true},    {"mut", 0x56616f, 0xa3adba, true},     {"link", 0x1c56b0, 0x86b4ff, true},
    {"limit", 0xbf2430, 0xff7b7b, true},  {"ok", 0x17703f, 0x63cf95, true},      {"grid", 0x5a6b82, 0x93a4bc, false},
    {"ppa", 0x3d8f3a, 0x7fcb7a, false},   {"wind", 0x0e8a86, 0x45c4bf, false},   {"pv", 0xc07a00, 0xeeb04a, false},
    {"batt", 0x8250bd, 0xb896ea, false},  {"export", 0xa8326e, 0xea86b6, false}, {"it", 0x1f5fbf, 0x70a5f7, false},
    {"cool", 0x2588bd, 0x6fc5ee, false},  {"loss", 0xa0554a, 0xd89a8d, false},   {"other", 0x737c88, 0x9aa3b0, false},
    {"load", 0x1b2430, 0xe8ecf2, false},  {"tech", 0x1f5fbf, 0x70a5f7, false},   {"infra", 0xb85c10, 0xf0a060, false},
    {"pos", 0x1d8050, 0x5cc48d, false},   {"neg", 0xb8433a, 0xef8176, false},    {"total", 0x2b3b52, 0xb9c7db, false},
    {"low", 0x2f78c4, 0x74aef0, false},   {"high", 0xc46a17, 0xf0a564, false},   {"twb", 0x2588bd, 0x6fc5ee, false},
    {"pue", 0xb8433a, 0xef8176, false},   {"site", 0x5a6b82, 0x93a4bc, false},   {"permit", 0x8250bd, 0xb896ea, false},
    {"build", 0xb85c10, 0xf0a060, false}, {"chips", 0x1f5fbf, 0x70a5f7, false},  {"ramp", 0x0e8a86, 0x45c4bf, false},
    {"run", 0x1d8050, 0x5cc48d, false},   {"g0", 0x1f5fbf, 0x70a5f7, false},     {"g1", 0xb85c10, 0xf0a060, false},
    {"g2", 0x0e8a86, 0x45c4bf, false},    {"g3", 0x8250bd, 0xb896ea, false},     {"g4", 0xa8326e, 0xea86b6, false},
    {"g5", 0x3d8f3a, 0x7fcb7a, false},    {"g6", 0x5a6b82, 0x93a4bc, false},     {"g7", 0xc07a00, 0xeeb04a, false},
};
const size_t report_n_colours = sizeof report_colours / sizeof *report_colours;
const struct report_colour report_paper = {"paper", 0xffffff, 0x12171e, false};

static void variables(struct svg *s, bool dark) {
    for (size_t i = 0; i < report_n_colours; i++)
        svg_printf(s, "--%s:#%06x;", report_colours[i].name, dark ? report_colours[i].dark : report_colours[i].light);
    svg_printf(s, "--paper:#%06x;", dark ? report_paper.dark : report_paper.light);
    svg_raw(s, dark ? "--card:#1a212b;--rule:#2f3945;--grid-line:#262f3a;"
                    : "--card:#f6f8fa;--rule:#d5dbe2;--grid-line:#e6eaef;");
}

/* Per colour: f- area, s- line, b- pale band, d- dot, k- node and r- ribbon of a flow. */
static void colour_rules(struct svg *s) {
    for (size_t i = 0; i < report_n_colours; i++) {
        const char *n = report_colours[i].name;
        if (report_colours[i].text) continue;
        if (n[0] == 'g' && n[1] >= '0' && n[1] <= '9') {
            svg_printf(s, ".%s{fill:var(--%s);stroke:var(--paper);stroke-width:1}\n", n, n);
            continue;
        }
        svg_printf(s, ".f-%s,.d-%s,.k-%s .nd{fill:var(--%s)}.s-%s{stroke:var(--%s)}.b-%s,.r-%s .rb{fill:var(--%s)}\n",
                   n, n, n, n, n, n, n, n, n);
    }
    svg_raw(s, "[class^=f-]{stroke:var(--paper);stroke-width:.6}[class^=s-]{fill:none;stroke-width:1.8;stroke-linejoin:"
               "round}.s-load{stroke-width:1.5}[class^=b-]{opacity:.26}.rb{opacity:.3}[class^=d-]{stroke:var(--paper);"
               "stroke-width:1}g:hover>.rb{opacity:.5}\n");
    for (int k = 1; k <= 6; k++) svg_printf(s, ".q%d{fill:var(--it);opacity:.%d}", k, k == 6 ? 98 : 10 + 16 * k);
}

static const char page_rules[] =
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 \"Pretendard GOV\",Pretendard,-apple-system,"
    "BlinkMacSystemFont,\"Apple SD Gothic Neo\",\"Noto Sans KR\",\"Noto Sans CJK KR\",\"Malgun Gothic\",\"Segoe UI\","
    "Roboto,\"Helvetica Neue\",Arial,sans-serif;font-variant-numeric:tabular-nums}\n"
    ":lang(ko){word-break:keep-all;overflow-wrap:anywhere}:lang(en){hyphens:none}\n"
    ".lang{position:absolute;width:1px;height:1px;margin:0;opacity:0}\n"
    "#lang-ko:checked~.page .en,#lang-en:checked~.page .ko{display:none}\n"
    ".page{max-width:968px;margin:0 auto;padding:28px 24px 64px}\n"
    ".top{display:flex;gap:16px;align-items:center;justify-content:space-between;font-size:14px;color:var(--mut)}\n"
    ".switch{display:flex;border:1px solid var(--mut);border-radius:6px;overflow:hidden}"
    ".switch label{padding:5px 14px;cursor:pointer;color:var(--ink)}"
    "#lang-ko:checked~.page [for=lang-ko],#lang-en:checked~.page "
    "[for=lang-en]{background:var(--ink);color:var(--paper)}"
    "#lang-ko:focus-visible~.page [for=lang-ko],#lang-en:focus-visible~.page [for=lang-en]{outline:3px solid "
    "var(--link);"
    "outline-offset:-3px}\n"
    "h1{font-size:31px;line-height:1.25;letter-spacing:-.015em;margin:30px 0 6px}"
    "h2{font-size:22px;line-height:1.35;letter-spacing:-.01em;margin:56px 0 10px;padding-top:14px;border-top:2px solid "
    "var(--ink)}h3{font-size:16.5px;line-height:1.4;margin:0 0 2px}p{margin:6px 0}.lede{color:var(--mut);margin:0}"
    "a{color:var(--link)}\n"
    "nav{margin:22px 0 0;display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14.5px}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(204px,1fr));gap:1px;"
    "margin:18px 0;padding:1px}.cards>div{box-shadow:0 0 0 1px var(--rule);padding:13px 16px 12px}"
    ".cards dt{font-size:13.5px;line-height:1.35;color:var(--mut)}.cards dd{margin:3px 0 "
    "0;font-size:21px;line-height:1.3;"
    "font-weight:650;letter-spacing:-.01em}\n"
    "figure{margin:30px 0 36px}.cap{color:var(--mut);font-size:14.5px;line-height:1.55;margin:0 0 "
    "8px;max-width:830px}\n"
    ".key{display:flex;flex-wrap:wrap;gap:3px 18px;list-style:none;margin:6px 0 2px;padding:0;font-size:13.5px}"
    ".key svg{width:20px;height:12px;margin-right:6px;vertical-align:-1px}\n"
    "svg{overflow:visible}svg.w,svg.n{display:block;width:100%;height:auto}svg.n{display:none}\n"
    "text{fill:var(--ink);font-size:13px}.tk,.un{fill:var(--mut);font-size:12.5px}.pt{font-weight:600}.am{text-anchor:"
    "middle}.ae{text-anchor:end}.ax{stroke:var(--mut);stroke-width:1}.gr{stroke:var(--grid-line)}.day,.qt{stroke:var("
    "--grid-line);stroke-dasharray:2 3}.lim{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:6 4}.limt{fill:var("
    "--limit);font-size:12.5px;font-weight:600}\n"
    ".vl,.vh{font-size:12.5px}.vh{fill:var(--mut);font-size:12px}.vb,.nb{font-weight:650}.con{stroke:var(--mut);"
    "stroke-width:1}.base{stroke:var(--ink);stroke-width:1.5}.mile{fill:var(--ink);stroke:var(--paper)}"
    ".sn{font-weight:600}.sv{font-size:12.5px}.vh,.vl,.vb,.nm,.nb,.limt,.sc{paint-order:stroke;stroke:var(--paper);"
    "stroke-width:3.5px;stroke-linejoin:round}.sc{font-size:11.5px;fill:var(--mut)}"
    ".hl{fill:none;stroke:var(--paper);stroke-width:4.5}.tol{fill:var(--mut);opacity:.13}.eq{stroke:var(--mut);"
    "stroke-width:1.2}.px{image-rendering:pixelated}\n";

static const char table_rules[] =
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14.5px;line-height:1.45;margin:10px 0 "
    "26px}"
    "caption{text-align:left;font-weight:650;font-size:16px;padding:0 0 6px}th,td{padding:6px 12px 6px "
    "0;text-align:left;"
    "vertical-align:top;border-bottom:1px solid var(--rule)}th{font-weight:600}thead "
    "th{color:var(--mut);font-size:13px;"
    "border-bottom:1.5px solid var(--ink);vertical-align:bottom}tbody th{font-weight:400}td.r,th.r{text-align:right;"
    "white-space:nowrap}th.rw{text-align:right}.stack{table-layout:fixed}.w34{width:34%}.w14{width:14%}.w12{width:12%}."
    "w9{width:9%}.small"
    "{font-size:13px}.cols{column-width:410px;column-gap:40px}.cols table{margin:0 0 22px}.cols "
    "caption{border-bottom:1.5px "
    "solid var(--ink)}.cols tr{break-inside:avoid}td.v{text-align:right;min-width:6.5em}td.u{white-space:nowrap}td.s{"
    "color:var(--mut);font-size:"
    "13px}.grp th{font-weight:650;padding-top:18px"
    ";border-bottom-color:var(--mut)}code{font:12.5px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,\"D2Coding\","
    "monospace;color:var(--mut);overflow-wrap:anywhere;word-break:normal}.given{font-weight:650}.ok{color:var(--ok)}"
    ".bad{color:var(--limit);font-weight:650}.skip{color:var(--mut)}\n"
    "details{margin:4px 0 0;font-size:14px}summary{cursor:pointer;color:var(--link)}\n"
    ".notes{background:var(--card);border-left:3px solid var(--mut);padding:10px 18px 12px;margin:22px "
    "0;font-size:14.5px}"
    ".notes ul{margin:4px 0;padding-left:18px}footer{margin-top:56px;border-top:1px solid var(--rule);padding-top:12px;"
    "color:var(--mut);font-size:13px}\n"
    "@media screen and (max-width:680px){.page{padding:18px 12px "
    "48px}svg.w{display:none}svg.n{display:block}h1{font-size:"
    "24px;margin-top:20px}h2{font-size:20px;margin-top:44px}.cards{grid-template-columns:1fr "
    "1fr}.cards>div{padding:10px "
    "11px}.cards dd{font-size:17.5px}.hide{display:none}th,td{padding-right:8px}table{font-size:14px}.stack "
    "thead{display:none}.stack tr{display:flex;flex-wrap:wrap;gap:0 10px;"
    "border-bottom:1px solid var(--rule);padding:7px 0}.stack td,.stack th{border:0;padding:0;min-width:0}.stack th,"
    ".stack td.s{flex-basis:100%}.stack .grp{border-color:var(--mut)}.check td:nth-child(3)::before{content:\"→ \"}}\n"
    "@page{size:A4;margin:15mm 14mm 16mm}\n"
    "@media "
    "print{body{font-size:10.5pt}.page{max-width:none;padding:0}.switch,nav,details{display:none}h1{margin-top:8pt;"
    "font-size:20pt}h2{break-after:avoid;margin-top:20pt;font-size:15pt}figure,tr,.cards{break-inside:avoid}.cards{"
    "grid-template-columns:repeat(4,1fr)}.cards dd{font-size:12.5pt}.cards>div{padding:7px "
    "9px}thead{display:table-header-"
    "group}table,.cap{font-size:9pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}a{color:inherit;"
    "text-decoration:none}}\n";

void report_style(struct svg *s) {
    svg_raw(s, "<style>:root{color-scheme:light dark;");
    variables(s, false);
    svg_raw(s, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    variables(s, true);
    svg_raw(s, "}.map image{filter:invert(1) hue-rotate(180deg)}}\n");
    svg_raw(s, page_rules);
    colour_rules(s);
    svg_raw(s, "\n");
    svg_raw(s, table_rules);
    svg_raw(s, "</style>\n");
}
