# To be sourced by any POSIX shell: `. activate.sh`. Puts the layers that the variables of a model name onto PATH,
# PYTHONPATH and LD_LIBRARY_PATH, and starts no Python for it. Sourcing it again replaces what it did before.
# The rules and the error messages are those of workbench/monobase/activation.py, word for word; a test compares the
# two. On an error nothing is changed, and it returns 1.
# What is activated is leased as long as the shell runs, or anything that inherits its open files (see leases.py).
# shellcheck shell=sh

# zsh reads this as a POSIX shell does: it starts over, and puts its own options back at the end.
if [ -n "${ZSH_VERSION:-}" ] && [ -z "${_mb_again:-}" ]; then
    _mb_again=1
    eval '_mb_self=${${(%):-%x}:A}'
    if emulate sh -c '. "$_mb_self"'; then return 0; else return 1; fi
fi

_mb_fail() { # message [hint]
    printf 'error: %s\n' "$1" >&2
    if [ -n "${2:-}" ]; then printf '  hint: %s\n' "$2" >&2; fi
    return 1
}

# Versions, names and addresses: only what may be part of a path goes on.

_mb_is_version() { # 2.10.0, 2.11.0rc1
    _mb_rest=$1 _mb_suffix=
    while :; do
        _mb_digits=${_mb_rest%%[!0-9]*}
        if [ -z "$_mb_digits" ]; then return 1; fi
        _mb_rest=${_mb_rest#"$_mb_digits"}
        case $_mb_rest in
            '') return 0 ;;
            .[0-9]*) if [ -n "$_mb_suffix" ]; then return 1; fi ;;
            a[0-9]* | b[0-9]* | rc[0-9]* | .post[0-9]* | .dev[0-9]*) _mb_suffix=1 ;;
            *) return 1 ;;
        esac
        _mb_rest=${_mb_rest#"${_mb_rest%%[0-9]*}"}
    done
}

_mb_is_url() {
    case $1 in
        https://?* | file:///?*) ;;
        *) return 1 ;;
    esac
    case $1 in
        *[!A-Za-z0-9._~/:@%+=\&?\#-]*) return 1 ;;
    esac
}

_mb_is_stack() {
    case $1 in
        torch* | [!a-z]* | *[!a-z0-9]*) return 1 ;;
    esac
}

_mb_wrong() { # variable value hint
    _mb_fail "$1=$2 is not valid" "$3"
}

_mb_numbers() { # variable value count example: the first numbers of a version into _mb_number
    _mb_number='' _mb_rest=$2 _mb_left=$3
    if [ -z "$2" ]; then return 0; fi
    while :; do
        _mb_digits=${_mb_rest%%[!0-9]*}
        case $_mb_digits in
            '' | 0?*) break ;;
        esac
        _mb_rest=${_mb_rest#"$_mb_digits"}
        if [ "$_mb_left" -gt 0 ]; then
            _mb_number=${_mb_number:+$_mb_number.}$_mb_digits _mb_left=$((_mb_left - 1))
        fi
        case $_mb_rest in
            '') if [ "$_mb_left" -eq 0 ]; then return 0; else break; fi ;;
            .*) _mb_rest=${_mb_rest#.} ;;
            *) break ;;
        esac
    done
    _mb_wrong "$1" "$2" "write it as $4"
}

_mb_read_request() {
    _mb_id=${MONOBASE_GEN_ID:-}
    case $_mb_id in
        '' | 0 | [1-9] | [1-9][0-9] | [1-9][0-9][0-9] | [1-9][0-9][0-9][0-9] | [1-9][0-9][0-9][0-9][0-9]) ;;
        *) _mb_wrong MONOBASE_GEN_ID "$_mb_id" 'write a number without leading zeros, such as 2' || return 1 ;;
    esac
    _mb_cog=${R8_COG_VERSION:-}
    if [ -n "$_mb_cog" ] && [ "$_mb_cog" != coglet ] && ! _mb_is_version "${_mb_cog#coglet==}" && ! _mb_is_url "$_mb_cog"; then
        _mb_wrong R8_COG_VERSION "$_mb_cog" 'write a version such as 0.23.1, coglet==0.23.1, or an https or file address' || return 1
    fi
    _mb_torch=${R8_TORCH_VERSION:-${TORCH_VERSION:-}}
    if [ -n "$_mb_torch" ] && ! _mb_is_version "$_mb_torch"; then
        _mb_wrong R8_TORCH_VERSION "$_mb_torch" 'write it as 2.10.0, and its CUDA in R8_CUDA_VERSION' || return 1
    fi
    _mb_stack=${MONOBASE_STACK:-}
    if [ -n "$_mb_stack" ] && ! _mb_is_stack "$_mb_stack"; then
        _mb_wrong MONOBASE_STACK "$_mb_stack" 'write lowercase letters and digits' || return 1
    fi
    _mb_cuda=${R8_CUDA_VERSION:-${CUDA_VERSION:-}}
    if [ "$_mb_cuda" != cpu ]; then
        _mb_numbers R8_CUDA_VERSION "$_mb_cuda" 2 12.8 || return 1
        _mb_cuda=$_mb_number
    fi
    _mb_numbers R8_CUDNN_VERSION "${R8_CUDNN_VERSION:-${CUDNN_VERSION:-}}" 1 9 || return 1
    _mb_cudnn=$_mb_number
    _mb_python=${R8_PYTHON_VERSION:-${PYTHON_VERSION:-}} _mb_suffix=
    case $_mb_python in
        *[0123456789]t) _mb_suffix=t _mb_python=${_mb_python%t} ;; # free-threaded
    esac
    _mb_numbers R8_PYTHON_VERSION "$_mb_python" 2 3.12 || return 1
    _mb_python=$_mb_number$_mb_suffix
    _mb_cache=${MONOBASE_CACHE:-${HOME:+$HOME/.cache/monobase}}
    _mb_user=${MONOBASE_USER:-${_mb_cache:+$_mb_cache/user}}
}

# Listing what is available, for error messages.

_mb_list_begin() { _mb_listed='' _mb_count=0; }

_mb_list_add() {
    _mb_count=$((_mb_count + 1))
    if [ "$_mb_count" -le 10 ]; then _mb_listed=${_mb_listed:+$_mb_listed, }$1; fi
}

_mb_list_end() { # into _mb_available
    if [ "$_mb_count" -eq 0 ]; then
        _mb_available='none is available'
    elif [ "$_mb_count" -gt 10 ]; then
        _mb_available="available: $_mb_listed and $((_mb_count - 10)) more"
    else
        _mb_available="available: $_mb_listed"
    fi
}

_mb_newline='
'

_mb_has_document() { # folder: whether it has a marker to read; a link is none
    [ ! -h "$1" ] && [ ! -h "$1/.done" ] && [ -f "$1/.done" ] && [ -r "$1/.done" ]
}

_mb_has_manifest() { # folder: whether the generation there is finished
    if ! _mb_has_document "$1"; then return 1; fi
    IFS= read -r _mb_line <"$1/.done" || return 1
    case $_mb_line in
        'generation sha256:'*) ;;
        *) return 1 ;;
    esac
}

_mb_read_manifest() { # generation: what its manifest names into _mb_manifest, or false
    _mb_manifest=
    if ! _mb_has_manifest "$1"; then return 1; fi
    # A shell reads a line of a file byte by byte: that is faster than another process for few lines only.
    _mb_manifest=$_mb_newline _mb_left=12
    while IFS= read -r _mb_line; do
        _mb_manifest=$_mb_manifest$_mb_line$_mb_newline
        _mb_left=$((_mb_left - 1))
        if [ "$_mb_left" -eq 0 ]; then
            _mb_manifest=$_mb_newline$(command cat -- "$1/.done")$_mb_newline
            break
        fi
    done <"$1/.done"
}

_mb_is_named() { # generation environment: whether _mb_manifest names the one that is there
    if ! _mb_has_document "$1/$2"; then return 1; fi
    { IFS= read -r _mb_line && IFS= read -r _mb_line; } <"$1/$2/.done" || return 1
    _mb_line=${_mb_line#' "digest": "'}
    _mb_line=${_mb_line%'",'}
    case $_mb_manifest in
        *"${_mb_newline}environment $2 $_mb_line$_mb_newline"*) ;;
        *) return 1 ;;
    esac
}

_mb_is_ready() { # generation environment
    _mb_read_manifest "$1" && _mb_is_named "$1" "$2"
}

_mb_list_done() { # generation pattern: the environments that its manifest names, and that fit; false for none
    _mb_list_begin
    if _mb_read_manifest "$1"; then
        for _mb_done in "$1"/*/.done; do
            _mb_name=${_mb_done%/.done}
            _mb_name=${_mb_name##*/}
            # shellcheck disable=SC2254  # the pattern is one
            case $_mb_name in
                $2) if _mb_is_named "$1" "$_mb_name"; then _mb_list_add "$_mb_name"; fi ;;
            esac
        done
    fi
    _mb_list_end
    [ "$_mb_count" -gt 0 ]
}

_mb_list_generations() { # those that are ready
    _mb_list_begin
    for _mb_dir in "$_mb_prefix"/monobase/g[0-9][0-9][0-9][0-9][0-9]; do
        if _mb_has_manifest "$_mb_dir"; then _mb_list_add "${_mb_dir##*/}"; fi
    done
    _mb_list_end
}

_mb_nearest() { # the environments closest to the requested one, into _mb_available
    if [ -n "$_mb_torch" ]; then
        if _mb_list_done "$_mb_generation" "python$_mb_python-torch$_mb_torch-*"; then return 0; fi
        if _mb_list_done "$_mb_generation" "*-torch$_mb_torch-*"; then return 0; fi
    fi
    if [ -n "$_mb_stack" ] && _mb_list_done "$_mb_generation" "*-$_mb_stack"; then return 0; fi
    _mb_list_done "$_mb_generation" "python$_mb_python-*" || _mb_list_done "$_mb_generation" '*' || :
}

_mb_target() { # link folder…: the name of the folder that the link leads to, into _mb_name, or false for none of these
    _mb_name='' _mb_file=$1
    shift
    if [ ! -h "$_mb_file" ] || [ ! -d "$_mb_file" ]; then return 1; fi
    # Without a process for readlink; most often it is the last.
    eval "_mb_dir=\${$#}"
    for _mb_dir in "$_mb_dir" "$@"; do
        if [ "$_mb_dir" -ef "$_mb_file" ] && [ ! -h "$_mb_dir" ]; then
            _mb_name=${_mb_dir##*/}
            return 0
        fi
    done
    return 1
}

# Choosing the layers.

_mb_choose_generation() {
    _mb_generation=
    if [ -n "$_mb_id" ]; then
        _mb_name=00000$_mb_id
        _mb_name=g${_mb_name#"${_mb_name%?????}"}
        if ! _mb_has_manifest "$_mb_prefix/monobase/$_mb_name"; then
            _mb_wanted=$_mb_name
            _mb_list_generations
            _mb_fail "generation $_mb_wanted is not ready here" "$_mb_available" || return 1
        fi
        _mb_generation=$_mb_prefix/monobase/$_mb_name
        return 0
    fi
    if _mb_target "$_mb_prefix/monobase/latest" "$_mb_prefix"/monobase/g[0-9][0-9][0-9][0-9][0-9] &&
        _mb_has_manifest "$_mb_prefix/monobase/$_mb_name"; then
        _mb_generation=$_mb_prefix/monobase/$_mb_name
    elif [ -n "$_mb_torch$_mb_stack$_mb_cuda$_mb_cudnn" ]; then
        _mb_fail 'no generation is ready here' 'run `monobase build`, or wait for it' || return 1
    fi
}

_mb_version() { # package: the version of NVIDIA's package in $_mb_site into _mb_found, "" for none
    _mb_found=
    for _mb_info in "$_mb_site/$1"-*.dist-info "$_mb_site/$1"_cu*-*.dist-info; do
        if [ ! -e "$_mb_info" ]; then continue; fi
        _mb_name=${_mb_info##*/}
        _mb_name=${_mb_name%.dist-info}
        _mb_suffix=${_mb_name%%-*}
        _mb_suffix=${_mb_suffix#"$1"}
        case $_mb_suffix in
            '' | _cu[0-9]*) ;;
            *) continue ;;
        esac
        case ${_mb_suffix#_cu} in
            *[!0-9]*) continue ;;
        esac
        _mb_found=${_mb_name#*-}
        return 0
    done
}

_mb_choose_environment() {
    _mb_environment=
    if [ -z "$_mb_generation" ]; then return 0; fi
    if [ -n "$_mb_torch" ] && [ -n "$_mb_stack" ]; then
        _mb_fail 'R8_TORCH_VERSION and MONOBASE_STACK are both set' \
            'a stack is an environment without torch: unset one' || return 1
    fi
    if [ -z "$_mb_torch$_mb_stack" ]; then
        if [ -z "$_mb_cuda$_mb_cudnn" ]; then return 0; fi
        _mb_list_done "$_mb_generation" '*' || :
        _mb_fail 'CUDA or cuDNN is requested without an environment' \
            "set R8_TORCH_VERSION or MONOBASE_STACK; $_mb_available" || return 1
    fi
    if [ -n "$_mb_stack" ]; then
        _mb_environment=python$_mb_python-$_mb_stack
    elif [ -n "$_mb_cuda" ] && [ "$_mb_cuda" != cpu ]; then
        _mb_environment=python$_mb_python-torch$_mb_torch-cu${_mb_cuda%%.*}${_mb_cuda#*.}
    elif [ -z "$_mb_cuda" ] && _mb_list_done "$_mb_generation" "python$_mb_python-torch$_mb_torch-*" &&
        [ "$_mb_count" -eq 1 ]; then
        _mb_environment=$_mb_listed
    else
        _mb_environment=python$_mb_python-torch$_mb_torch-cpu
    fi
    if ! _mb_is_ready "$_mb_generation" "$_mb_environment"; then
        _mb_nearest
        _mb_fail "${_mb_generation##*/} has no environment $_mb_environment" "$_mb_available" || return 1
    fi
    _mb_site=$_mb_generation/$_mb_environment/lib/python$_mb_python/site-packages
    if [ -n "$_mb_stack" ] && [ -n "$_mb_cuda" ]; then
        _mb_version nvidia_cuda_runtime
        _mb_rest=${_mb_found#*.}
        case $_mb_found in
            *.*) _mb_found=${_mb_found%%.*}.${_mb_rest%%.*} ;;
        esac
        if [ "$_mb_cuda" != "${_mb_found:-cpu}" ]; then
            _mb_nearest
            _mb_fail "$_mb_environment brings CUDA ${_mb_found:-none}, not $_mb_cuda" "$_mb_available" || return 1
        fi
    fi
    if [ -n "$_mb_cudnn" ]; then
        _mb_version nvidia_cudnn
        _mb_found=${_mb_found%%.*}
        if [ "$_mb_cudnn" != "$_mb_found" ]; then
            _mb_nearest
            _mb_fail "$_mb_environment brings cuDNN ${_mb_found:-none}, not $_mb_cudnn" "$_mb_available" || return 1
        fi
    fi
    _mb_environment=$_mb_generation/$_mb_environment
}

_mb_find_cog() { # name: its folder into _mb_cog_root, or false
    if [ -n "${_mb_cogs:-}" ] && _mb_is_ready "$_mb_cogs" "$1"; then
        _mb_cog_root=$_mb_cogs/$1
        return 0
    fi
    _mb_dir=${_mb_cache:+$_mb_cache/cog/$1}
    if [ -z "$_mb_dir" ] || [ -h "$_mb_dir" ] || [ -h "$_mb_dir/.done" ] || [ ! -f "$_mb_dir/.done" ]; then return 1; fi
    _mb_cog_root=$_mb_dir
}

_mb_choose_cog() {
    _mb_cog_root='' _mb_cogs=''
    if _mb_target "$_mb_prefix/cog/latest" "$_mb_prefix"/cog/*; then _mb_cogs=$_mb_prefix/cog/$_mb_name; fi
    if [ -z "$_mb_cog" ]; then
        if [ -z "$_mb_cogs" ]; then return 0; fi
        if _mb_target "$_mb_cogs/default-python$_mb_python" "$_mb_cogs"/cog*; then
            _mb_wanted=$_mb_name
            if _mb_is_ready "$_mb_cogs" "$_mb_wanted"; then
                _mb_cog_root=$_mb_cogs/$_mb_wanted
                return 0
            fi
        fi
        _mb_list_done "$_mb_cogs" 'cog*' || :
        _mb_fail "no cog is installed for Python $_mb_python" "$_mb_available" || return 1
    fi
    case $_mb_cog in
        https://* | file:///*)
            _mb_wanted=$(printf %s "$_mb_cog" | sha256sum)
            _mb_wanted=${_mb_wanted%"${_mb_wanted#????????}"}-python$_mb_python
            case $_mb_cog in
                *coglet*) _mb_wanted=coglet$_mb_wanted ;;
                *) _mb_wanted=cog$_mb_wanted ;;
            esac
            ;;
        coglet) _mb_wanted=cogletlatest-python$_mb_python ;;
        coglet==*) _mb_wanted=coglet${_mb_cog#coglet==}-python$_mb_python ;;
        *) _mb_wanted=cog$_mb_cog-python$_mb_python ;;
    esac
    if _mb_find_cog "$_mb_wanted"; then return 0; fi
    # The one case that takes a Python, and a while: in the image, a cog that no build has installed.
    if command -v monobase >/dev/null 2>&1; then
        monobase cog --version "$_mb_cog" --python "$_mb_python" >&2 || return 1
        if _mb_find_cog "$_mb_wanted"; then return 0; fi
    fi
    _mb_list_begin
    if [ -n "$_mb_cogs" ]; then _mb_list_done "$_mb_cogs" 'cog*' || :; else _mb_list_end; fi
    _mb_fail "cog $_mb_cog is not installed for Python $_mb_python" \
        "\`monobase cog --version $_mb_cog --python $_mb_python\` installs it beside the prefix; $_mb_available"
}

# Conflicts between the layers.

_mb_conflict() { _mb_conflicts=${_mb_conflicts:+$_mb_conflicts; }$1; }

_mb_tolerate() {
    if [ -z "$_mb_conflicts" ]; then return 0; fi
    if [ "${MONOBASE_ALLOW_CONFLICTS:-}" != 1 ]; then
        _mb_fail "layers contradict each other: $_mb_conflicts" \
            'change one of them, or set MONOBASE_ALLOW_CONFLICTS=1 to let the first win' || return 1
    fi
    printf 'warning: the first wins: %s\n' "$_mb_conflicts" >&2
}

_mb_compare_prefix() {
    _mb_conflicts=
    if [ -z "$_mb_cog_root" ] || [ -z "$_mb_environment" ]; then return 0; fi
    _mb_name=${_mb_generation##*/}
    _mb_above=${_mb_cog_root%/*}
    _mb_file=${_mb_above%/*}/conflicts/${_mb_above##*/}/${_mb_cog_root##*/}/$_mb_name.${_mb_environment##*/}
    if [ -r "$_mb_file" ]; then
        while IFS= read -r _mb_line || [ -n "$_mb_line" ]; do _mb_conflict "$_mb_line"; done <"$_mb_file"
    else
        _mb_name=$_mb_name/${_mb_environment##*/}
        _mb_conflict "${_mb_cog_root##*/} and $_mb_name were never compared: run \`monobase build\`"
    fi
    _mb_tolerate
}

_mb_identity() { # root: its name in a marker, into _mb_identified
    _mb_identified=none
    if [ -n "$1" ]; then
        _mb_identified=${1%/*}
        _mb_identified=${_mb_identified##*/}/${1##*/}
    fi
}

_mb_compare_user() {
    _mb_conflicts=
    while IFS= read -r _mb_line || [ -n "$_mb_line" ]; do
        _mb_resolved=${_mb_line#* }
        case $_mb_line in
            'python '*) _mb_word=python _mb_identified=$_mb_python ;;
            'environment '*) _mb_word=environment; _mb_identity "$_mb_environment" ;;
            'cog '*) _mb_word=cog; _mb_identity "$_mb_cog_root" ;;
            *) continue ;;
        esac
        if [ "$_mb_resolved" != "$_mb_identified" ]; then
            _mb_conflict "the user layer was resolved for $_mb_word $_mb_resolved, and $_mb_identified is activated"
        fi
    done <"$_mb_user/.monobase"
    _mb_tolerate
}

# The Python, and the lease.

_mb_check_python() { # root: whether its Python is here; another one on PATH would run in its place
    if [ -x "$1/bin/python" ]; then return 0; fi
    _mb_identity "$1"
    _mb_found=$(command readlink -- "$1/bin/python") || _mb_found=$1/bin/python
    _mb_fail "the Python of $_mb_identified is missing here: $_mb_found" \
        "Python $_mb_python must be there, in the image of a model too"
}

# --- lease: `monobase activate` prints these lines too
_mb_leased() { # descriptor file: whether that descriptor is the file, open
    [ "/proc/self/fd/$1" -ef "$2" ]
}

_mb_release() { # file: closes what is open of it
    for _mb_number in 9 8 7 6 5 4 3; do
        if _mb_leased "$_mb_number" "$1"; then eval "exec $_mb_number<&-"; fi
    done
}

_mb_lease() { # name file folder: holds a shared lock on the file; false, with the reason, when the folder goes
    # A tree from which nothing is ever removed has no leases.
    if [ ! -r "$2" ] || [ -h "$2" ]; then return 0; fi
    _mb_free=
    for _mb_number in 9 8 7 6 5 4 3; do
        if _mb_leased "$_mb_number" "$2"; then return 0; fi
        if [ -z "$_mb_free" ] && ! { true <&"$_mb_number"; } 2>/dev/null; then _mb_free=$_mb_number; fi
    done
    if [ -z "$_mb_free" ]; then return 0; fi
    eval "exec $_mb_free<\"\$2\""
    if command -v flock >/dev/null 2>&1; then
        for _mb_number in 1 2 3 4; do
            _mb_status=0
            flock -s -n "$_mb_free" || _mb_status=$?
            # Who looks whether there is a lease locks the file for a moment.
            if [ "$_mb_status" -ne 1 ]; then break; fi
            if [ "$_mb_number" -ne 4 ]; then sleep 0.05; fi
        done
        if [ "$_mb_status" -eq 1 ]; then
            eval "exec $_mb_free<&-"
            printf 'error: %s is being removed\n  hint: activate another one\n' "$1" >&2
            return 1
        fi
    fi
    if [ ! -d "$3" ]; then
        eval "exec $_mb_free<&-"
        printf 'error: %s was removed\n  hint: activate another one\n' "$1" >&2
        return 1
    fi
    # Its time is that of the last use.
    if [ -w "$2" ]; then { true >|"$2"; } 2>/dev/null || :; fi
}
# --- lease

_mb_lease_all() {
    _mb_above=${_mb_cog_root%/*}
    _mb_cog_name=${_mb_above##*/}
    if [ -n "$_mb_generation" ]; then
        _mb_lease "${_mb_generation##*/}" "$_mb_prefix/leases/${_mb_generation##*/}" "$_mb_generation" || return 1
    fi
    if [ -n "$_mb_cog_root" ] &&
        ! _mb_lease "cog-$_mb_cog_name" "$_mb_prefix/leases/cog-$_mb_cog_name" "$_mb_above"; then
        if [ "${_mb_generation##*/}" != "${MONOBASE_GENERATION:-}" ]; then
            _mb_release "$_mb_prefix/leases/${_mb_generation##*/}"
        fi
        return 1
    fi
    _mb_name=${MONOBASE_GENERATION:-${_mb_generation##*/}}
    if [ "$_mb_name" != "${_mb_generation##*/}" ]; then _mb_release "$_mb_prefix/leases/$_mb_name"; fi
    _mb_name=${MONOBASE_COG:-$_mb_cog_name/}
    _mb_name=${_mb_name%%/*}
    if [ "$_mb_name" != "$_mb_cog_name" ]; then _mb_release "$_mb_prefix/leases/cog-$_mb_name"; fi
}

# The result.

_mb_add_layer() { # root
    _mb_site=$1/lib/python$_mb_python/site-packages
    _mb_sites=${_mb_sites:+$_mb_sites:}$_mb_site
    if [ -d "$1/bin" ]; then _mb_bins=${_mb_bins:+$_mb_bins:}$1/bin; fi
    for _mb_dir in "$_mb_site"/nvidia/*/lib; do
        if [ -d "$_mb_dir" ]; then _mb_libs=${_mb_libs:+$_mb_libs:}$_mb_dir; fi
    done
    if [ -n "$_mb_home" ]; then return 0; fi
    for _mb_dir in "$_mb_site"/nvidia/cu[0-9]* "$_mb_site"/nvidia/cuda_nvcc "$_mb_site"/nvidia/cuda_runtime; do
        case ${_mb_dir##*/} in
            cuda_nvcc | cuda_runtime) ;;
            cu*[!0-9]*) continue ;;
        esac
        if [ -d "$_mb_dir" ]; then
            _mb_home=$_mb_dir
            return 0
        fi
    done
}

_mb_put() { # variable ours current earlier: ours before what others put there, and nothing twice
    _mb_rest=$3
    if [ -n "$4" ]; then
        case :$3: in
            *":$4:"*)
                _mb_rest=:$3:
                _mb_rest=${_mb_rest%%":$4:"*}:${_mb_rest#*":$4:"}
                while :; do
                    case $_mb_rest in
                        :*) _mb_rest=${_mb_rest#:} ;;
                        *:) _mb_rest=${_mb_rest%:} ;;
                        *) break ;;
                    esac
                done
                ;;
        esac
    fi
    _mb_set "$1" "$2${2:+${_mb_rest:+:}}$_mb_rest"
    _mb_set "MONOBASE_ACTIVE_$1" "$2"
}

_mb_set() { # variable value: an empty one is unset
    if [ -n "$2" ]; then
        eval "$1=\$2; export $1"
    else
        unset "$1"
    fi
}

_mb_main() {
    _mb_prefix=${MONOBASE_PREFIX:-/srv/r8/monobase}
    case $_mb_prefix in
        *:* | [!/]* | *"
"*) _mb_fail "MONOBASE_PREFIX=$_mb_prefix is not valid" 'write an absolute path without a colon' || return 1 ;;
    esac
    _mb_read_request || return 1
    if [ -z "$_mb_python" ]; then _mb_fail 'R8_PYTHON_VERSION is not set' 'write it as 3.12' || return 1; fi
    _mb_choose_generation && _mb_choose_environment && _mb_choose_cog && _mb_compare_prefix || return 1
    if [ -n "$_mb_user" ] && [ -e "$_mb_user/.monobase" ]; then _mb_compare_user || return 1; else _mb_user=; fi
    if [ -z "$_mb_cog_root$_mb_environment$_mb_user" ]; then
        _mb_fail 'there is nothing to activate: no cog layer is installed, and no environment is named' \
            'set R8_TORCH_VERSION or MONOBASE_STACK' || return 1
    fi
    for _mb_root in "$_mb_cog_root" "$_mb_environment" "$_mb_user"; do
        if [ -n "$_mb_root" ]; then _mb_check_python "$_mb_root" || return 1; fi
    done
    _mb_lease_all || return 1
    _mb_sites='' _mb_bins='' _mb_libs='' _mb_home=''
    for _mb_root in "$_mb_cog_root" "$_mb_environment" "$_mb_user"; do
        if [ -n "$_mb_root" ]; then _mb_add_layer "$_mb_root"; fi
    done
    _mb_set MONOBASE_GENERATION "${_mb_generation##*/}"
    _mb_set MONOBASE_ENVIRONMENT "${_mb_environment##*/}"
    _mb_above=${_mb_cog_root%/*}
    _mb_set MONOBASE_COG "${_mb_cog_root:+${_mb_above##*/}/${_mb_cog_root##*/}}"
    _mb_set MONOBASE_LAYERS "$_mb_sites"
    _mb_set PYTHONUNBUFFERED 1
    # It would be a Python's own home, and no environment's.
    _mb_set PYTHONHOME ''
    # With this on its path an interpreter reads the .pth files of all layers, and one of another version says so.
    if [ -d "$_mb_prefix/bin/site" ]; then _mb_sites=$_mb_sites:$_mb_prefix/bin/site; fi
    if [ -z "$_mb_home" ] && [ "${CUDA_HOME:-}" != "${MONOBASE_ACTIVE_CUDA_HOME:-}" ]; then
        _mb_dir=$CUDA_HOME
    else
        _mb_dir=$_mb_home
    fi
    _mb_set CUDA_HOME "$_mb_dir"
    _mb_set MONOBASE_ACTIVE_CUDA_HOME "$_mb_home"
    _mb_put LD_LIBRARY_PATH "$_mb_libs" "${LD_LIBRARY_PATH:-}" "${MONOBASE_ACTIVE_LD_LIBRARY_PATH:-}"
    _mb_put PYTHONPATH "$_mb_sites" "${PYTHONPATH:-}" "${MONOBASE_ACTIVE_PYTHONPATH:-}"
    _mb_put PATH "$_mb_bins" "${PATH:-}" "${MONOBASE_ACTIVE_PATH:-}"
}

_mb_end() { # puts the shell's own settings back, and leaves no name of ours behind
    case $_mb_flags in
        *f*) set -f ;;
    esac
    if [ -n "$_mb_failglob" ]; then shopt -s failglob; fi
    if [ -n "$_mb_locale" ]; then LC_ALL=${_mb_locale#=}; else unset LC_ALL; fi
    unset _mb_flags _mb_failglob _mb_locale _mb_prefix _mb_id _mb_cog _mb_torch _mb_stack _mb_cuda _mb_cudnn _mb_python _mb_user \
        _mb_cache _mb_generation _mb_environment _mb_cog_root _mb_cogs _mb_site _mb_name _mb_wanted _mb_done _mb_dir \
        _mb_listed _mb_count _mb_available _mb_found _mb_info _mb_suffix _mb_rest _mb_digits _mb_number _mb_left _mb_above \
        _mb_conflicts _mb_file _mb_line _mb_resolved _mb_word _mb_identified _mb_sites _mb_bins _mb_libs _mb_home \
        _mb_root _mb_manifest _mb_newline _mb_free _mb_status _mb_cog_name _mb_again _mb_self
    unset -f _mb_fail _mb_is_version _mb_is_url _mb_is_stack _mb_wrong _mb_numbers _mb_read_request _mb_list_begin \
        _mb_list_add _mb_list_end _mb_has_document _mb_has_manifest _mb_read_manifest _mb_is_named _mb_is_ready \
        _mb_list_done _mb_list_generations _mb_nearest _mb_target _mb_choose_generation _mb_version \
        _mb_choose_environment _mb_find_cog _mb_choose_cog _mb_conflict _mb_tolerate _mb_compare_prefix _mb_identity \
        _mb_compare_user _mb_check_python _mb_leased _mb_release _mb_lease _mb_lease_all _mb_add_layer _mb_put _mb_set \
        _mb_main _mb_end
}

# Patterns are needed, and names in the order of their bytes, whatever the shell that sources this has set.
_mb_flags=$- _mb_locale=${LC_ALL+=$LC_ALL}
set +f
_mb_failglob=
case ${BASH_VERSION:+${BASHOPTS:-}} in
    *failglob*) _mb_failglob=1 && shopt -u failglob ;;
esac
LC_ALL=C
if _mb_main; then
    _mb_end
else
    _mb_end
    return 1
fi
