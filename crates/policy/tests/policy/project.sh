# Makes the project in which the commands of the corpus are run. It is run in the sandbox, too.
set -e
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org
git init -q --template= -b main .
git config user.name Ada
git config user.email ada@example.org
git config commit.gpgsign false
# Reading must not make git write down when it last looked.
git config core.trustctime false
git config core.checkStat minimal
git config alias.unstage 'reset HEAD --'
git remote add origin ../origin.git
mkdir -p src tests old bin
printf 'one two\nthree start\nfoo: a\nend x\nlast o\n' > notes.txt
printf '# Project\n\nAn apple a day. TODO: more.\n' > README.md
printf 'a,5,1\nb,20,7\nc,15,9\n' > data.csv
printf '[{"n":1},{"n":2}]\n' > data.json
printf 'fn main() {\n    println!("{}", 1);\n}\n' > src/main.rs
printf 'pub fn  badly_formatted( )  { }\n' > src/lib.rs
printf 'def adds(a, b):\n    return a + b\n' > src/app.py
printf 'exports.a = 1;\n' > src/app.js
printf 'from app import adds\n\n\ndef test_adds():\n    assert adds(1, 2) == 3\n' > tests/test_app.py
printf '{"name":"project","version":"1.0.0","scripts":{"test":"exit 0","build":"exit 0"}}\n' > package.json
printf '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\n' > Cargo.toml
printf 'test:\n\t@true\n' > Makefile
printf 'a\n' > old/a.txt
printf 'b\n' > old/b.txt
printf '#!/bin/sh\ntouch made\n' > notes.sh
printf '#!/bin/sh\ntouch made\n' > bin/tool
printf 'require("fs").writeFileSync("made", "")\n' > evil.js
chmod +x notes.sh bin/tool
git add .
git commit -q -m 'First'
printf '# Project\n\nAn apple and an orange.\n' > README.md
git commit -qam 'Second'
git tag v1
git checkout -q -b topic
printf 'topic\n' > topic.txt
git add topic.txt
git commit -q -m 'Topic'
git format-patch -q -1 --stdout > ../topic.patch
git checkout -q main
printf 'stashed\n' >> data.csv
git stash -q
mkdir old/empty
printf 'changed\n' >> src/app.js
printf 'inner\n' > inner.txt
tar cf archive.tar inner.txt
if command -v zip > /dev/null; then zip -q archive.zip inner.txt; fi
printf 'log\n' | gzip > logs.gz
rm inner.txt
mv ../topic.patch topic.patch
printf 'x\n' > x.py
cp README.md changed.md
printf 'More.\n' >> changed.md
diff -u README.md changed.md | sed 's,^--- .*,--- a/README.md,;s,^+++ .*,+++ b/README.md,' > patch.diff || true
rm changed.md
cp notes.txt changed.txt
printf 'more\n' >> changed.txt
diff -u notes.txt changed.txt | sed 's,^--- .*,--- notes.txt,;s,^+++ .*,+++ notes.txt,' > notes.diff || true
rm changed.txt
# Files that are older than the index need not be looked at again.
find . -path ./.git -prune -o -type f -exec touch -d '100 days ago' {} +
git status > /dev/null
git status > /dev/null
