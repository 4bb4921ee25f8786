package image

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

const defaultDocker = "npipe:////./pipe/docker_engine"

func dialPipe(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, path)
}
