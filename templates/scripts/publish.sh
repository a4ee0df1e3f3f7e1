#!/usr/bin/env bash
# Publishes all files of one commit: <component>.tar.* and commit.txt. Jenkins fetched no more than
# that commit; where BRANCH may mean a tag or a branch of another name, what it means is fetched here.
set -euo pipefail
: "${component:?}"
: "${repository:?}"
: "${downstream:?}"
: "${lane:?}"
: "${own_branch:?}"
: "${chooses:?}"
: "${tags:?}"
: "${login?}"
: "${submodules:?}"
: "${lfs:?}"
: "${compare?}"
: "${suffix:?}"
: "${compression:?}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:?}"
description="$branch"
archive="$component.$suffix"

begin() {
    step="$*"
    echo "$here: $step"
}
fail() {
    reason="$*"
    exit 1
}
tell() {
    local code=$? ended=FAILED
    if [ "$code" -eq 0 ]; then
        echo "[description] $description"
        return 0
    fi
    [ "$code" -ne 143 ] || ended=STOPPED reason="by its time limit or by a person"
    echo "[description] $description: $ended while $step"
    echo "$here: $ended while $step: ${reason:-exit code $code, see above}"
    echo "nothing was published; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT
trap 'exit 143' TERM

begin "finding the commit of branch $branch of $repository"
# The repository may hold files of these names: what is archived must be this build's own.
rm -rf -- "./$archive" "./$component.tar" commit.txt create-distribution.properties
command -v "$compression" >/dev/null ||
    fail "this node has no $compression, which settings.compression in jobs/settings.yaml names"

wanted="$branch"
if [ "$branch" = "$lane" ]; then wanted="$own_branch"; fi
options=()
if [ -n "$login" ]; then
    # Variables with a user name and a password, for this host alone, or with the file of a key. The
    # shell that git starts fills them in, so that none stands in a command.
    read -r user pass <<<"$login"
    options=(-c "core.sshCommand=ssh -i \"\$$user\" -o IdentitiesOnly=yes -o BatchMode=yes")
    if [ -n "$pass" ]; then
        host="$(git config --get remote.origin.url | grep -Eo '^https?://[^/]+')"
        options=(-c credential.helper= -c
            "credential.$host.helper=!printf '%s\\n' \"username=\$$user\" \"password=\$$pass\"; :")
    fi
fi
git_remote() {
    GIT_TERMINAL_PROMPT=0 git "${options[@]}" "$@"
}
if [ "$chooses" = true ] && [ "$wanted" != "$own_branch" ]; then
    named="refs/heads/$wanted"
    listed="$(git_remote ls-remote origin "$named" "refs/tags/$wanted" | cut -f 2)" ||
        fail "git could not read $repository (its reason is above)"
    if ! grep -Fqx "$named" <<<"$listed"; then
        named="refs/tags/$wanted"
        { [ "$tags" = true ] && grep -Fqx "$named" <<<"$listed"; } ||
            fail "$repository has no branch $wanted, nor a tag of that name that may be published"
    fi
    git_remote fetch --quiet --no-tags --refmap= --depth=1 origin "$named"
    commit="$(git rev-parse --verify 'FETCH_HEAD^{commit}')"
else
    commit="$(git rev-parse --verify 'HEAD^{commit}')"
    git merge-base --is-ancestor "$commit" "refs/remotes/origin/$wanted" ||
        fail "the checked out commit $commit is not on that branch"
fi
description+=" ${commit:0:10}${AD_HOC:+, ad-hoc distribution $AD_HOC}"

look_at_files() {
    local told="is named like a private key, and is published" lfs_pointer
    local key='([^\t]*/)?(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(p12|pfx|ppk|jks))"?'
    local module='is a git submodule, another repository: published as an empty directory'
    [ "$submodules" != true ] || module=""
    git ls-tree -r "$commit" | sed -nE -e "s%^1[02][^\t]*\t($key)\$%note: \1 $told%p" \
        -e "${module:+s%^160000[^\t]*\t(.*)%note: \1 $module%p}"
    # Looking for fixed texts is quick, and most repositories have none of them.
    git grep -I -q -F -e 'PRIVATE KEY-----' -e 'version https://git-lfs.github.com/spec/' "$commit" ||
        return 0
    lfs_pointer='^version https://git-lfs\.github\.com/spec/'
    [ "$lfs" != true ] || lfs_pointer='^$-'
    { git grep -I -o -E -e "-----BEGIN [A-Z ]*PRIVATE KEY-----|$lfs_pointer" "$commit" || true; } |
        sort -u | sed -E -e 's/^[0-9a-f]+:(.*):-----BEGIN.*/note: \1 looks like a private key, and is published/' \
        -e "s/^[0-9a-f]+:(.*):version.*/note: \1 is published as git-lfs's pointer, without 'lfs: true'/"
}

if [ "$lfs" = true ]; then
    git lfs version || fail "this node has no git-lfs, which 'lfs' of $repository asks for"
    [ "$(git rev-parse HEAD)" = "$commit" ] || git_remote lfs fetch origin "$commit"
fi

begin "packing $repository at $commit"
exec {notes}< <(look_at_files)
looking="$!"
# The same on every node, whatever git-lfs was told there.
filter=(-c filter.lfs.process= -c filter.lfs.required=false)
[ "$lfs" != true ] ||
    filter=(-c "filter.lfs.process=git-lfs filter-process" -c filter.lfs.required=true)
# Writes a tar of the files of commit $2 of the repository in the directory $1, in a directory $3.
pack() (
    cd "$1"
    # git archive leaves out or rewrites files that .gitattributes marks export-ignore or
    # export-subst; "all files of the repository" means those too. info/attributes wins.
    attributes="$(git rev-parse --git-path info/attributes)"
    mkdir -p "${attributes%/*}"
    echo '* -export-ignore -export-subst' >"$attributes"
    GIT_LFS_SKIP_SMUDGE='' git "${filter[@]}" -c core.autocrlf=false -c tar.umask=0022 archive \
        --format=tar ${3:+"--prefix=$3/"} "$2"
)
compress() {
    # As many threads on every node: their number shows in what pigz and zstd write.
    case "$compression" in
    gzip) gzip -n ;;
    pigz) pigz -n -p 4 ;;
    zstd) zstd -q -T4 ;;
    esac
}
if [ "$submodules" != true ]; then
    pack . "$commit" "" | compress >"$archive"
else
    if [ "$(git rev-parse HEAD)" != "$commit" ]; then
        git checkout --quiet --force --detach "$commit"
        git_remote submodule --quiet update --init --recursive
    fi
    pack . "$commit" "" >"$component.tar"
    # shellcheck disable=SC2016
    git submodule --quiet foreach --recursive 'printf "%s\0" "$displaypath"' >submodules.list
    while IFS= read -r -d '' path; do
        pack "$path" HEAD "$path" >submodule.tar
        tar --concatenate --file="$component.tar" submodule.tar
    done <submodules.list
    compress <"$component.tar" >"$archive"
fi

begin "looking at the files of $repository"
cat <&"$notes"
wait "$looking"

echo "$repository $commit${compare:+ $branch $compare...$commit}" >commit.txt
echo "$here: published $repository at $commit as $archive, $(stat -c %s "$archive") bytes"

begin "asking for a new distribution"
if [ -z "${AD_HOC:-}" ]; then
    echo "BRANCH=$branch" >create-distribution.properties
else
    echo "$here: part of ad-hoc distribution $AD_HOC, which starts $downstream itself"
fi
