//! The README's console blocks are run: what it shows is what happens. `...` stands for lines left out.

mod common;

#[test]
fn what_the_readme_shows_is_what_happens() {
    common::need("nginx");
    trycmd::TestCases::new().case("README.md").env("NO_COLOR", "1").run();
}
