//! The sample page in headless Chromium, in a window as wide as a desktop's and as a phone's.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use codepipeline_retrier::page::html;

/// Chromium, where there is one. CI has to have it.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a browser is there, and has to be, the environment says"
)]
fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI has no Chromium");
    found
}

/// What a frame of that width shows: how wide its content is, and how large each drawing is.
fn measured(chromium: &Path, page: &str, width: u32) -> Value {
    let framed = page.replace('&', "&amp;").replace('"', "&quot;");
    let wrapper = format!(
        r#"<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" srcdoc="{framed}" style="width:{width}px;height:4000px;border:0"></iframe>
<pre id="measured"></pre>
<script>
document.getElementById("frame").onload = event => {{
  const page = event.target.contentDocument;
  const drawings = [...page.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect())
    .filter(box => box.width > 0).map(box => [Math.round(box.width), Math.round(box.height)]);
  const wide = [...page.querySelectorAll("body *:not(pre *):not(svg *)")]
    .filter(of => of.getBoundingClientRect().right > {width} + 1).map(of => of.tagName + "." + of.className);
  document.getElementById("measured").textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth, drawings, wide,
    heading: page.querySelector("h1").getBoundingClientRect().height,
  }});
}};
</script>"#
    );
    let folder = std::env::temp_dir().join(format!("retrier-page-{width}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("wrapper.html"), wrapper).unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--window-size={},4200", width.max(600)))
        .arg(format!("file://{}", folder.join("wrapper.html").display()))
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let dom = String::from_utf8_lossy(&output.stdout);
    let found = dom.split_once("<pre id=\"measured\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (text, _) = found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(text).unwrap_or_else(|_| panic!("nothing was measured: {text}"))
}

#[test]
fn a_desktop_and_a_phone_show_all_of_it() {
    let Some(chromium) = chromium() else {
        println!("skipped: there is no Chromium here");
        return;
    };
    let page = html(&super::sample());
    for width in [1280, 390] {
        let seen = measured(&chromium, &page, width);
        assert_eq!(seen["width"].as_u64(), Some(u64::from(width)), "nothing is scrolled sideways: {seen}");
        assert_eq!(seen["wide"].as_array().map(Vec::len), Some(0), "{seen}");
        // Each of the charts that has something to show is drawn once, and large enough to be read.
        let drawings = seen["drawings"].as_array().unwrap();
        assert_eq!(drawings.len(), 4, "{seen}");
        for drawing in drawings {
            let side = |index: usize| drawing[index].as_u64().unwrap();
            assert!(side(0) > u64::from(width) / 2 && side(1) > 150, "{seen}");
        }
        assert!(seen["heading"].as_f64().unwrap() > 20.0, "{seen}");
    }
}
