# Sourced by the scripts beside it: brings what they need, or says what is missing.

have() {
    command -v "$1" >/dev/null 2>&1
}

# need_packages COMMAND=PACKAGE…: Debian packages whose commands are not there yet.
need_packages() {
    local pair missing=()
    for pair; do
        if ! have "${pair%%=*}"; then
            missing+=("${pair#*=}")
        elif [[ $pair == busybox=* ]] && ldd "$(command -v busybox)" >/dev/null 2>&1; then
            # One that needs shared libraries is of no use in an empty root directory.
            missing+=("${pair#*=}")
        fi
    done
    if ((${#missing[@]} == 0)); then
        return
    fi
    if ((EUID == 0)) && have apt-get; then
        echo "installing ${missing[*]}"
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    else
        echo "missing: these Debian packages: ${missing[*]}" >&2
        echo "install them (apt-get install ${missing[*]}), or run this as root" >&2
        exit 1
    fi
}

need_cargo() {
    if ! have cargo; then
        echo "missing: Rust (cargo is not on the PATH)" >&2
        exit 1
    fi
}

# need_targets TARGET…: Rust's standard library for other machines.
need_targets() {
    local target installed missing=()
    need_rustup "targets $*"
    installed=$(rustup target list --installed)
    for target; do
        grep -qx "$target" <<<"$installed" || missing+=("$target")
    done
    if ((${#missing[@]} > 0)); then
        rustup target add "${missing[@]}"
    fi
}

# need_components COMPONENT…: parts of the Rust toolchain.
need_components() {
    local component installed missing=()
    need_rustup "components $*"
    installed=$(rustup component list --installed)
    for component; do
        grep -q "^$component" <<<"$installed" || missing+=("$component")
    done
    if ((${#missing[@]} > 0)); then
        rustup component add "${missing[@]}"
    fi
}

need_rustup() {
    need_cargo
    if ! have rustup; then
        echo "missing: rustup, for the Rust $1" >&2
        exit 1
    fi
}
