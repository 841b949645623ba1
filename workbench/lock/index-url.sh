# To be sourced: sets PIP_INDEX_URL, which the Pipfiles name, to the index that pip itself would use.
if [ -z "${PIP_INDEX_URL:-}" ]; then
    PIP_INDEX_URL=$("$PWD/.venv/bin/pip" config get global.index-url 2>/dev/null) ||
        PIP_INDEX_URL=$("$PWD/.venv/bin/python" -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')
    export PIP_INDEX_URL
fi
