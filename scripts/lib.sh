# Shared by the scripts beside it: the environment in .venv, apt packages, small side environments.
# shellcheck shell=bash

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

# Where the caller forbids bytecode, each of the many processes of a test run would compile everything anew.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# --- system packages -------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# apt_install PACKAGE...: install with apt, or say which command a person has to run.
apt_install() {
    command -v apt-get >/dev/null || die "missing: $*. This system has no apt-get; install them by hand and run again."
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        die "missing: $*. Run 'sudo apt-get install $*' and try again."
    fi
    say "Installing with apt: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

browser_packages() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    if command -v dpkg-query >/dev/null && ! dpkg-query -s fonts-dejavu-core >/dev/null 2>&1; then
        missing+=(fonts-dejavu-core)
    fi
    if [ "${#missing[@]}" -gt 0 ]; then apt_install "${missing[@]}"; fi
}

# --- Python environments ---------------------------------------------------------------------

PYTHON=${PYTHON:-python3}

check_python() {
    command -v "$PYTHON" >/dev/null || die "$PYTHON not found. Install Python 3.11 or newer, or set PYTHON to one."
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || die "$("$PYTHON" --version) is too old: Penstock needs 3.11 or newer. Set PYTHON to another interpreter."
}

# make_venv FOLDER: an empty environment with pip in it. A broken one (moved, other Python) is replaced.
make_venv() {
    if [ -x "$1/bin/python" ] && "$1/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    check_python
    rm -rf "$1"
    if command -v uv >/dev/null; then
        uv venv -q --seed --python "$("$PYTHON" -c 'import sys; print(sys.executable)')" "$1"
        return
    fi
    # Debian ships python3 without ensurepip.
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    "$PYTHON" -m venv "$1"
}

# venv_install FOLDER ARGUMENT...: `pip install` into that environment; uv when it is there, for speed.
venv_install() {
    local folder=$1
    shift
    if command -v uv >/dev/null && uv pip install -q --python "$folder/bin/python" "$@"; then return; fi
    "$folder/bin/python" -m pip install -q --disable-pip-version-check "$@"
}

fingerprint() {
    cat pyproject.toml constraints.txt "$@" | sha256sum | cut -d' ' -f1
}

# environment EXTRA...: .venv with Penstock (editable) and those extras at the versions of constraints.txt.
# The stamp says for which files and extras it was built, so that a second call costs milliseconds.
environment() {
    local stamp=.venv/.penstock-stamp want have="" extra missing=""
    want=$(fingerprint)
    if [ -f "$stamp" ] && [ "$(head -n1 "$stamp")" = "$want" ]; then have=" $(sed -n 2p "$stamp") "; fi
    for extra in "$@"; do
        case "$have" in
            *" $extra "* | *" dev "*) ;;
            *) missing="$missing $extra" ;;
        esac
    done
    if [ -z "$missing" ] && [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; then return; fi
    say "Preparing .venv (extras:${missing:- $*}) ..."
    make_venv .venv
    local list
    list=$(printf '%s\n' $have "$@" | sort -u | paste -sd, -)
    venv_install .venv -c constraints.txt -e ".[$list]"
    printf '%s\n%s\n' "$want" "${list//,/ }" >"$stamp"
}

# side_venv NAME SPEC...: .cache/venvs/NAME with Penstock's notebook extra. A SPEC with a version (say
# 'ipykernel==7.3.*') takes the place of the pinned one, one without (say pandas) adds a package at its pinned version;
# the SPEC '.' leaves the notebook extra out. Prints the path of its Python.
side_venv() {
    local folder=.cache/venvs/$1 spec want penstock='.[notebook]' wanted=()
    shift
    mkdir -p .cache/venvs
    cp constraints.txt "$folder.constraints"
    for spec in "$@"; do
        case $spec in
            .) penstock=. ; continue ;;
            *[\<\>=!~]*) sed -i "/^${spec%%[<>=!~[ ]*}==/d" "$folder.constraints" ;;
        esac
        wanted+=("$spec")
    done
    printf '%s\n' "$@" >"$folder.specs"
    want=$(fingerprint "$folder.specs")
    if [ "$(cat "$folder/.penstock-stamp" 2>/dev/null)" != "$want" ]; then
        say "Preparing $folder ($*) ..."
        make_venv "$folder"
        venv_install "$folder" -c "$folder.constraints" -e "$penstock" "${wanted[@]}"
        printf '%s\n' "$want" >"$folder/.penstock-stamp"
    fi
    printf '%s\n' "$ROOT/$folder/bin/python"
}

# over_venv NAME SPEC...: .cache/venvs/NAME with those packages in front of everything that .venv has: seconds instead of
# minutes. Their dependencies are those of .venv; name what is missing there. Prints the path of its Python.
over_venv() {
    local folder=.cache/venvs/$1 want
    shift
    mkdir -p .cache/venvs
    printf '%s\n' "$@" >"$folder.specs"
    want=$(fingerprint "$folder.specs")
    if [ "$(cat "$folder/.penstock-stamp" 2>/dev/null)" != "$want" ]; then
        say "Preparing $folder ($*) ..."
        rm -rf "$folder"
        make_venv "$folder"
        venv_install "$folder" --no-deps "$@"
        "$folder/bin/python" - .venv <<'PYTHON'
import pathlib, sys, sysconfig
mine = pathlib.Path(sysconfig.get_path("purelib"))
theirs = pathlib.Path(sys.argv[1]).resolve() / mine.relative_to(sys.prefix)
(mine / "over.pth").write_text(f"import site; site.addsitedir({str(theirs)!r})\n")
PYTHON
        printf '%s\n' "$want" >"$folder/.penstock-stamp"
    fi
    printf '%s\n' "$ROOT/$folder/bin/python"
}
