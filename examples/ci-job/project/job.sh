# The job, as it runs in the container.
set -eu
echo "job: $(uname -m), version $VERSION"
python3 -B -m unittest -q test_slug
tar -czf "/artifacts/slug-$VERSION.tar.gz" slug.py
echo "job: done"
